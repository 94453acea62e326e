"""Calls every operation once with the client of openapi-generator's `python`. That mypy accepts it is half of the test."""

import json
import os
from collections.abc import Callable
from datetime import UTC, datetime
from pathlib import Path
from typing import Any
from uuid import UUID, uuid4

from cryptolens_client import (
    AccountChange,
    AccountErasure,
    AdministrationApi,
    AlertBody,
    AlertCondition,
    AlertCreate,
    AlertKind,
    AlertsApi,
    AlertState,
    AnalyticsApi,
    ApiClient,
    ApiException,
    ApiResponse,
    CandleInterval,
    Configuration,
    CorrelationMethod,
    CreatedKeyBody,
    Currency,
    DataState,
    IpBlockRequest,
    KeyCreate,
    KeyRotation,
    LimitOverrideRequest,
    LimitPolicy,
    ListedKind,
    LoginRequest,
    LogoutRequest,
    MarketApi,
    PriceApi,
    QuoteBody,
    RefreshRequest,
    RegisteredBody,
    RegisterRequest,
    ReplayRequest,
    Returns,
    RiskLevel,
    Role,
    Scope,
    SystemApi,
    TokenInterval,
    TokensApi,
    TokenSort,
    TicketRequest,
    Tier,
    TokensBody,
    UserChange,
    UsersApi,
    VelocityTimeframe,
    Verify,
    WebhooksApi,
)

# Statuses that every operation documents, but that say that the client or the platform is wrong.
FAULTS = {400, 401, 403, 422, 500}

client = ApiClient(Configuration(host=os.environ["STACK_URL"], api_key={"ApiKey": os.environ["STACK_API_KEY"]}))
market = MarketApi(client)
prices = PriceApi(client)
tokens = TokensApi(client)
analytics = AnalyticsApi(client)
alerts = AlertsApi(client)
webhooks = WebhooksApi(client)
users = UsersApi(client)
administration = AdministrationApi(client)
system = SystemApi(client)
created: list[AlertBody] = []
deliveries: list[UUID] = []
registered: list[RegisteredBody] = []
refresh_tokens: list[str] = []
keys: list[UUID] = []
overrides: list[UUID] = []


def check_quote(quote: QuoteBody) -> None:
    doubled: float = quote.price * 2
    assert doubled > quote.price
    assert quote.quality in DataState


def rates() -> ApiResponse[Any]:
    answer = market.get_rates_with_http_info()
    for price in answer.data.values():
        doubled: float = price * 2
        assert doubled > price
    return answer


def quotes() -> ApiResponse[Any]:
    answer = market.get_quotes_with_http_info(tickers="BTC,ETH", convert=Currency.USD)
    for quote in answer.data.data:
        check_quote(quote)
    return answer


def quote() -> ApiResponse[Any]:
    answer = market.get_quotes_by_ticker_with_http_info("BTC")
    check_quote(answer.data.data)
    return answer


def price() -> ApiResponse[Any]:
    answer = prices.get_price_by_coin_id_with_http_info("bitcoin", max_age_ms=60_000)
    doubled: float = answer.data.price * 2
    assert doubled > answer.data.price
    assert answer.data.coin_id == "bitcoin"
    return answer


def price_history() -> ApiResponse[Any]:
    answer = prices.get_price_by_coin_id_history_with_http_info("bitcoin", limit=5, page=1)
    assert all(item.price > 0 for item in answer.data.items)
    return answer


def candles() -> ApiResponse[Any]:
    start = datetime(2026, 1, 1, tzinfo=UTC)
    answer = market.get_candles_by_ticker_with_http_info("BTC", interval=CandleInterval("1h"), var_from=start, limit=3)
    for candle in answer.data.data:
        span: float = candle.h - candle.l
        assert span >= 0
    return answer


def listed_tokens() -> ApiResponse[Any]:
    answer = tokens.get_tokens_with_http_info(limit=3, sort=TokenSort.VELOCITY, min_market_cap=1000.0)
    assert all(token.id > 0 for token in answer.data.data)
    return answer


def monitors() -> ApiResponse[Any]:
    answer = analytics.get_risk_monitors_with_http_info()
    assert all(monitor.level is None or isinstance(monitor.level, RiskLevel) for monitor in answer.data.data)
    return answer


def create_alert() -> ApiResponse[Any]:
    body = AlertCreate(
        ticker="BTC",
        kind=AlertKind.PRICE,
        condition=AlertCondition.GT,
        target_price=900_000_000.5,
        webhook_url="http://127.0.0.1:9999/generated-clients",
    )
    answer = alerts.post_alerts_with_http_info(body, idempotency_key=str(uuid4()))
    assert answer.data.target_price * 2 == 1_800_000_001
    assert answer.data.state in (AlertState.ARMED, AlertState.NO_DATA)
    created.append(answer.data)
    return answer


def alert() -> UUID:
    return created[0].id


def endpoint() -> UUID:
    return created[0].webhook_endpoint_id


def send_test() -> ApiResponse[Any]:
    answer = webhooks.post_webhooks_endpoints_by_id_test_with_http_info(endpoint())
    deliveries.append(answer.data.id)
    return answer


def keep_tokens(answer: ApiResponse[TokensBody]) -> ApiResponse[Any]:
    refresh_tokens.append(answer.data.refresh_token)
    return answer


def login() -> ApiResponse[Any]:
    body = LoginRequest(username=os.environ["STACK_ADMIN_USER"], password=os.environ["STACK_ADMIN_PASS"])
    return keep_tokens(users.post_auth_login_with_http_info(body))


def refresh() -> ApiResponse[Any]:
    body = RefreshRequest.model_validate({"refreshToken": refresh_tokens[-1]})
    return keep_tokens(users.post_auth_refresh_with_http_info(body))


def keep_key(answer: ApiResponse[CreatedKeyBody]) -> ApiResponse[Any]:
    keys.append(answer.data.id)
    return answer


def create_key() -> ApiResponse[Any]:
    body = KeyCreate(name="client", scopes=[Scope("market:read")], ip_allow=["127.0.0.0/8"])
    return keep_key(users.post_keys_with_http_info(body))


def rotate_key() -> ApiResponse[Any]:
    body = KeyRotation(overlap_seconds=0)
    return keep_key(users.post_keys_by_id_rotate_with_http_info(keys[-1], key_rotation=body))


def register() -> ApiResponse[Any]:
    answer = users.post_users_register_with_http_info(RegisterRequest(email=f"{uuid4()}@example.com"))
    registered.append(answer.data)
    return answer


def set_limit() -> ApiResponse[Any]:
    body = LimitOverrideRequest(policy=LimitPolicy.QUOTA, limit=1000, user_id=registered[0].id)
    answer = administration.post_admin_limits_with_http_info(body)
    overrides.append(answer.data.id)
    return answer


def erase() -> ApiResponse[Any]:
    configuration = Configuration(host=os.environ["STACK_URL"], api_key={"ApiKey": registered[0].api_key})
    own = UsersApi(ApiClient(configuration))
    return own.delete_users_me_with_http_info(AccountErasure(confirm=registered[0].email))


# In the order in which they are called.
CALLS: dict[str, Callable[[], ApiResponse[Any]]] = {
    "get_rates": rates,
    "get_quotes": quotes,
    "get_quotes_by_ticker": quote,
    "get_price_by_coin_id": price,
    "get_price_by_coin_id_history": price_history,
    "get_candles_by_ticker": candles,
    "get_market_overview": tokens.get_market_overview_with_http_info,
    "get_tokens": listed_tokens,
    "get_tokens_search": lambda: tokens.get_tokens_search_with_http_info("bit", limit=3),
    "get_tokens_by_token_id": lambda: tokens.get_tokens_by_token_id_with_http_info("bitcoin"),
    "get_tokens_by_token_id_velocity": lambda: tokens.get_tokens_by_token_id_velocity_with_http_info(
        "bitcoin", timeframe=VelocityTimeframe("24h"), include_history=True
    ),
    "get_tokens_by_token_id_history": lambda: tokens.get_tokens_by_token_id_history_with_http_info(
        "1", interval=TokenInterval("1h"), limit=3
    ),
    "get_analytics_by_symbol_stats": lambda: analytics.get_analytics_by_symbol_stats_with_http_info(
        "BTC", window="7d", returns=Returns.LOG
    ),
    "get_analytics_by_symbol_timeseries": lambda: analytics.get_analytics_by_symbol_timeseries_with_http_info(
        "BTC", var_from=1_767_225_600, max_points=10
    ),
    "get_analytics_correlation": lambda: analytics.get_analytics_correlation_with_http_info(
        "BTC,ETH", method=CorrelationMethod.SPEARMAN
    ),
    "get_risk_monitors": monitors,
    "post_alerts": create_alert,
    "get_alerts": lambda: alerts.get_alerts_with_http_info(active=True, kind=ListedKind.PRICE),
    "get_alerts_by_id": lambda: alerts.get_alerts_by_id_with_http_info(alert()),
    "get_alerts_by_id_events": lambda: alerts.get_alerts_by_id_events_with_http_info(alert()),
    "get_alerts_by_id_deliveries": lambda: alerts.get_alerts_by_id_deliveries_with_http_info(alert()),
    "get_webhooks_endpoints": lambda: webhooks.get_webhooks_endpoints_with_http_info(limit=10),
    "get_webhooks_endpoints_by_id": lambda: webhooks.get_webhooks_endpoints_by_id_with_http_info(endpoint()),
    "get_webhooks_endpoints_by_id_secret": lambda: webhooks.get_webhooks_endpoints_by_id_secret_with_http_info(
        endpoint()
    ),
    "post_webhooks_endpoints_by_id_test": send_test,
    "get_deliveries": lambda: webhooks.get_deliveries_with_http_info(
        endpoint_id=endpoint(), var_from=1_767_225_600, limit=10
    ),
    "get_deliveries_by_id": lambda: webhooks.get_deliveries_by_id_with_http_info(deliveries[0]),
    "post_deliveries_by_id_replay": lambda: webhooks.post_deliveries_by_id_replay_with_http_info(deliveries[0]),
    "post_deliveries_replay": lambda: webhooks.post_deliveries_replay_with_http_info(
        ReplayRequest.model_validate(
            {"endpoint_id": endpoint(), "from": "2026-01-01T00:00:00Z", "to": "2026-01-02T00:00:00Z"}
        )
    ),
    "post_webhooks_endpoints_by_id_enable": lambda: webhooks.post_webhooks_endpoints_by_id_enable_with_http_info(
        endpoint()
    ),
    "post_webhooks_verify": lambda: webhooks.post_webhooks_verify_with_http_info(
        Verify(secret="whsec_c2VjcmV0", headers={"webhook-id": "1"}, body="{}")
    ),
    "delete_alerts_by_id": lambda: alerts.delete_alerts_by_id_with_http_info(alert()),
    "post_auth_login": login,
    "post_auth_refresh": refresh,
    "post_auth_token": lambda: users.post_auth_token_with_http_info(),
    "post_auth_stream_ticket": lambda: users.post_auth_stream_ticket_with_http_info(
        ticket_request=TicketRequest(scope=[Scope("stream:read")])
    ),
    "post_auth_logout": lambda: users.post_auth_logout_with_http_info(
        logout_request=LogoutRequest.model_validate({"refreshToken": refresh_tokens[-1]})
    ),
    "get_keys": lambda: users.get_keys_with_http_info(),
    "post_keys": create_key,
    "post_keys_by_id_rotate": rotate_key,
    "delete_keys_by_id": lambda: users.delete_keys_by_id_with_http_info(keys[-1]),
    "post_users_register": register,
    "get_users_me": lambda: users.get_users_me_with_http_info(),
    "patch_users_me": lambda: users.patch_users_me_with_http_info(AccountChange()),
    "get_users_me_usage": lambda: users.get_users_me_usage_with_http_info(),
    "get_users_me_export": lambda: users.get_users_me_export_with_http_info(),
    "get_admin_users": lambda: administration.get_admin_users_with_http_info(role=Role.READER, limit=10),
    "patch_admin_users_by_id": lambda: administration.patch_admin_users_by_id_with_http_info(
        registered[0].id, UserChange(tier=Tier.BASIC)
    ),
    "get_admin_keys": lambda: administration.get_admin_keys_with_http_info(limit=10),
    "delete_admin_keys_by_id": lambda: administration.delete_admin_keys_by_id_with_http_info(uuid4()),
    "get_admin_limits": lambda: administration.get_admin_limits_with_http_info(limit=10),
    "post_admin_limits": set_limit,
    "delete_admin_limits_by_id": lambda: administration.delete_admin_limits_by_id_with_http_info(overrides[0]),
    "get_admin_ip_blocks": lambda: administration.get_admin_ip_blocks_with_http_info(),
    "post_admin_ip_blocks": lambda: administration.post_admin_ip_blocks_with_http_info(
        IpBlockRequest(address="203.0.113.7", seconds=60)
    ),
    "delete_admin_ip_blocks_by_address": lambda: administration.delete_admin_ip_blocks_by_address_with_http_info(
        "203.0.113.7"
    ),
    "get_admin_audit": lambda: administration.get_admin_audit_with_http_info(limit=10),
    "delete_users_me": erase,
    "get_status": lambda: system.get_status_with_http_info(),
    "get_health": lambda: system.get_health_with_http_info(),
    "get_health_live": lambda: system.get_health_live_with_http_info(),
    "get_health_ready": lambda: system.get_health_ready_with_http_info(),
    "get_openapi_json": lambda: system.get_openapi_json_with_http_info(),
    "get_docs_json": lambda: system.get_docs_json_with_http_info(),
    "get_demo_account": lambda: system.get_demo_account_with_http_info(),
}


def status(call: Callable[[], ApiResponse[Any]]) -> int:
    """The client raises an exception for every status that is not 2xx."""
    try:
        return call().status_code
    except ApiException as error:
        answered: int = error.status
        return answered


def main() -> None:
    description = json.loads(Path("generated/openapi.json").read_text())
    described = {
        operation["operationId"]: operation["responses"]
        for item in description["paths"].values()
        for operation in item.values()
    }
    assert set(CALLS) == set(described), f"called or described only: {sorted(set(CALLS) ^ set(described))}"
    for name, call in CALLS.items():
        answered = status(call)
        assert str(answered) in described[name], f"{name}: {answered} is not documented"
        assert answered not in FAULTS, f"{name}: {answered}"
        print(f"{answered} {name}")


if __name__ == "__main__":
    main()
