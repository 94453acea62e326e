"""Calls every operation once with the generated client. That `mypy --strict` accepts it is half of the test."""

import json
import os
from collections.abc import Callable
from datetime import UTC, datetime
from pathlib import Path
from typing import Any
from uuid import UUID, uuid4

from cryptolens_client import AuthenticatedClient
from cryptolens_client.api.administration import (
    delete_admin_ip_blocks_by_address,
    delete_admin_keys_by_id,
    delete_admin_limits_by_id,
    get_admin_audit,
    get_admin_ip_blocks,
    get_admin_keys,
    get_admin_limits,
    get_admin_users,
    patch_admin_users_by_id,
    post_admin_ip_blocks,
    post_admin_limits,
)
from cryptolens_client.api.alerts import (
    delete_alerts_by_id,
    get_alerts,
    get_alerts_by_id,
    get_alerts_by_id_deliveries,
    get_alerts_by_id_events,
    post_alerts,
)
from cryptolens_client.api.analytics import (
    get_analytics_by_symbol_stats,
    get_analytics_by_symbol_timeseries,
    get_analytics_correlation,
    get_risk_monitors,
)
from cryptolens_client.api.market import get_candles_by_ticker, get_quotes, get_quotes_by_ticker, get_rates
from cryptolens_client.api.price import get_price_by_coin_id, get_price_by_coin_id_history
from cryptolens_client.api.system import (
    get_demo_account,
    get_docs_json,
    get_health,
    get_health_live,
    get_health_ready,
    get_openapi_json,
    get_status,
)
from cryptolens_client.api.tokens import (
    get_market_overview,
    get_tokens,
    get_tokens_by_token_id,
    get_tokens_by_token_id_history,
    get_tokens_by_token_id_velocity,
    get_tokens_search,
)
from cryptolens_client.api.users import (
    delete_keys_by_id,
    delete_users_me,
    get_keys,
    get_users_me,
    get_users_me_export,
    get_users_me_usage,
    patch_users_me,
    post_auth_login,
    post_auth_logout,
    post_auth_refresh,
    post_auth_stream_ticket,
    post_auth_token,
    post_keys,
    post_keys_by_id_rotate,
    post_users_register,
)
from cryptolens_client.api.webhooks import (
    get_deliveries,
    get_deliveries_by_id,
    get_webhooks_endpoints,
    get_webhooks_endpoints_by_id,
    get_webhooks_endpoints_by_id_secret,
    post_deliveries_by_id_replay,
    post_deliveries_replay,
    post_webhooks_endpoints_by_id_enable,
    post_webhooks_endpoints_by_id_test,
    post_webhooks_verify,
)
from cryptolens_client.models import (
    AccountChange,
    AccountErasure,
    AlertBody,
    AlertCondition,
    AlertCreate,
    AlertCreateTicker,
    AlertKind,
    AlertState,
    CandleInterval,
    CorrelationMethod,
    CreatedKeyBody,
    Currency,
    DataState,
    DeliveryBody,
    EnvelopeQuoteBody,
    EnvelopeVecCandleBody,
    EnvelopeVecMonitorBody,
    EnvelopeVecTokenRow,
    GetRatesResponse200,
    IpBlockRequest,
    KeyCreate,
    KeyRotation,
    LimitOverrideBody,
    LimitOverrideRequest,
    LimitPolicy,
    ListedKind,
    LoginRequest,
    LogoutRequest,
    PriceBody,
    PriceHistoryBody,
    RefreshRequest,
    RegisteredBody,
    RegisterRequest,
    ReplayRequest,
    Returns,
    RiskLevel,
    Role,
    Scope,
    Tier,
    TokenInterval,
    TokensBody,
    TokenSort,
    TicketRequest,
    UserChange,
    VelocityTimeframe,
    Verify,
    VerifyHeaders,
)
from cryptolens_client.types import Response

# Statuses that every operation documents, but that say that the client or the platform is wrong.
FAULTS = {400, 401, 403, 422, 500}

# A status that is not documented is an exception.
client = AuthenticatedClient(
    base_url=os.environ["STACK_URL"],
    token=os.environ["STACK_API_KEY"],
    auth_header_name="X-API-Key",
    prefix="",
    raise_on_unexpected_status=True,
)
created: list[AlertBody] = []
deliveries: list[UUID] = []
registered: list[RegisteredBody] = []
refresh_tokens: list[str] = []
keys: list[UUID] = []
overrides: list[UUID] = []


def rates() -> Response[Any]:
    answer = get_rates.sync_detailed(client=client)
    if isinstance(answer.parsed, GetRatesResponse200):
        for price in answer.parsed.additional_properties.values():
            doubled: float = price * 2
            assert doubled > price
    return answer


def quote() -> Response[Any]:
    answer = get_quotes_by_ticker.sync_detailed("BTC", client=client)
    if isinstance(answer.parsed, EnvelopeQuoteBody):
        body = answer.parsed.data
        doubled: float = body.price * 2
        assert doubled > body.price
        assert body.quality in DataState
    return answer


def price() -> Response[Any]:
    answer = get_price_by_coin_id.sync_detailed("bitcoin", client=client, max_age_ms=60_000)
    if isinstance(answer.parsed, PriceBody):
        doubled: float = answer.parsed.price * 2
        assert doubled > answer.parsed.price
        assert answer.parsed.coin_id == "bitcoin"
    return answer


def price_history() -> Response[Any]:
    answer = get_price_by_coin_id_history.sync_detailed("bitcoin", client=client, limit=5, page=1)
    if isinstance(answer.parsed, PriceHistoryBody):
        assert all(item.price > 0 for item in answer.parsed.items)
    return answer


def candles() -> Response[Any]:
    start = datetime(2026, 1, 1, tzinfo=UTC)
    answer = get_candles_by_ticker.sync_detailed("BTC", client=client, interval=CandleInterval("1h"), from_=start, limit=3)
    if isinstance(answer.parsed, EnvelopeVecCandleBody):
        for candle in answer.parsed.data:
            span: float = candle.h - candle.l
            assert span >= 0
    return answer


def tokens() -> Response[Any]:
    answer = get_tokens.sync_detailed(client=client, limit=3, sort=TokenSort.VELOCITY, min_market_cap=1000.0)
    if isinstance(answer.parsed, EnvelopeVecTokenRow):
        for token in answer.parsed.data:
            assert token.id > 0
    return answer


def monitors() -> Response[Any]:
    answer = get_risk_monitors.sync_detailed(client=client)
    if isinstance(answer.parsed, EnvelopeVecMonitorBody):
        assert all(not monitor.level or isinstance(monitor.level, RiskLevel) for monitor in answer.parsed.data)
    return answer


def create_alert() -> Response[Any]:
    body = AlertCreate(
        ticker=AlertCreateTicker.BTC,
        kind=AlertKind.PRICE,
        condition=AlertCondition.GT,
        target_price=900_000_000.5,
        webhook_url="http://127.0.0.1:9999/generated-clients",
    )
    answer = post_alerts.sync_detailed(client=client, body=body, idempotency_key=str(uuid4()))
    assert isinstance(answer.parsed, AlertBody), answer
    assert answer.parsed.target_price * 2 == 1_800_000_001
    assert answer.parsed.state in (AlertState.ARMED, AlertState.NO_DATA)
    created.append(answer.parsed)
    return answer


def alert() -> UUID:
    return created[0].id


def endpoint() -> UUID:
    return created[0].webhook_endpoint_id


def send_test() -> Response[Any]:
    answer = post_webhooks_endpoints_by_id_test.sync_detailed(endpoint(), client=client)
    assert isinstance(answer.parsed, DeliveryBody), answer
    deliveries.append(answer.parsed.id)
    return answer


def keep_tokens(answer: Response[Any]) -> Response[Any]:
    assert isinstance(answer.parsed, TokensBody), answer
    refresh_tokens.append(answer.parsed.refresh_token)
    return answer


def login() -> Response[Any]:
    body = LoginRequest(username=os.environ["STACK_ADMIN_USER"], password=os.environ["STACK_ADMIN_PASS"])
    return keep_tokens(post_auth_login.sync_detailed(client=client, body=body))


def refresh() -> Response[Any]:
    body = RefreshRequest(refresh_token=refresh_tokens[-1])
    return keep_tokens(post_auth_refresh.sync_detailed(client=client, body=body))


def keep_key(answer: Response[Any]) -> Response[Any]:
    assert isinstance(answer.parsed, CreatedKeyBody), answer
    keys.append(answer.parsed.id)
    return answer


def create_key() -> Response[Any]:
    body = KeyCreate(name="client", scopes=[Scope("market:read")], ip_allow=["127.0.0.0/8"])
    return keep_key(post_keys.sync_detailed(client=client, body=body))


def rotate_key() -> Response[Any]:
    return keep_key(post_keys_by_id_rotate.sync_detailed(keys[-1], client=client, body=KeyRotation(overlap_seconds=0)))


def register() -> Response[Any]:
    answer = post_users_register.sync_detailed(client=client, body=RegisterRequest(email=f"{uuid4()}@example.com"))
    assert isinstance(answer.parsed, RegisteredBody), answer
    registered.append(answer.parsed)
    return answer


def set_limit() -> Response[Any]:
    body = LimitOverrideRequest(policy=LimitPolicy.QUOTA, limit=1000, user_id=registered[0].id)
    answer = post_admin_limits.sync_detailed(client=client, body=body)
    assert isinstance(answer.parsed, LimitOverrideBody), answer
    overrides.append(answer.parsed.id)
    return answer


def erase() -> Response[Any]:
    own = AuthenticatedClient(
        base_url=os.environ["STACK_URL"], token=registered[0].api_key, auth_header_name="X-API-Key", prefix=""
    )
    return delete_users_me.sync_detailed(client=own, body=AccountErasure(confirm=registered[0].email))


# In the order in which they are called.
CALLS: dict[str, Callable[[], Response[Any]]] = {
    "get_rates": rates,
    "get_quotes": lambda: get_quotes.sync_detailed(client=client, tickers="BTC,ETH", convert=Currency.USD),
    "get_quotes_by_ticker": quote,
    "get_price_by_coin_id": price,
    "get_price_by_coin_id_history": price_history,
    "get_candles_by_ticker": candles,
    "get_market_overview": lambda: get_market_overview.sync_detailed(client=client),
    "get_tokens": tokens,
    "get_tokens_search": lambda: get_tokens_search.sync_detailed(client=client, q="bit", limit=3),
    "get_tokens_by_token_id": lambda: get_tokens_by_token_id.sync_detailed("bitcoin", client=client),
    "get_tokens_by_token_id_velocity": lambda: get_tokens_by_token_id_velocity.sync_detailed(
        "bitcoin", client=client, timeframe=VelocityTimeframe("24h"), include_history=True
    ),
    "get_tokens_by_token_id_history": lambda: get_tokens_by_token_id_history.sync_detailed(
        "1", client=client, interval=TokenInterval("1h"), limit=3
    ),
    "get_analytics_by_symbol_stats": lambda: get_analytics_by_symbol_stats.sync_detailed(
        "BTC", client=client, window="7d", returns=Returns.LOG
    ),
    "get_analytics_by_symbol_timeseries": lambda: get_analytics_by_symbol_timeseries.sync_detailed(
        "BTC", client=client, max_points=10
    ),
    "get_analytics_correlation": lambda: get_analytics_correlation.sync_detailed(
        client=client, symbols="BTC,ETH", method=CorrelationMethod.SPEARMAN
    ),
    "get_risk_monitors": monitors,
    "post_alerts": create_alert,
    "get_alerts": lambda: get_alerts.sync_detailed(client=client, active=True, kind=ListedKind.PRICE),
    "get_alerts_by_id": lambda: get_alerts_by_id.sync_detailed(alert(), client=client),
    "get_alerts_by_id_events": lambda: get_alerts_by_id_events.sync_detailed(alert(), client=client),
    "get_alerts_by_id_deliveries": lambda: get_alerts_by_id_deliveries.sync_detailed(alert(), client=client),
    "get_webhooks_endpoints": lambda: get_webhooks_endpoints.sync_detailed(client=client, limit=10),
    "get_webhooks_endpoints_by_id": lambda: get_webhooks_endpoints_by_id.sync_detailed(endpoint(), client=client),
    "get_webhooks_endpoints_by_id_secret": lambda: get_webhooks_endpoints_by_id_secret.sync_detailed(
        endpoint(), client=client
    ),
    "post_webhooks_endpoints_by_id_test": send_test,
    "get_deliveries": lambda: get_deliveries.sync_detailed(
        client=client, endpoint_id=endpoint(), from_=datetime(2026, 1, 1, tzinfo=UTC), limit=10
    ),
    "get_deliveries_by_id": lambda: get_deliveries_by_id.sync_detailed(deliveries[0], client=client),
    "post_deliveries_by_id_replay": lambda: post_deliveries_by_id_replay.sync_detailed(deliveries[0], client=client),
    "post_deliveries_replay": lambda: post_deliveries_replay.sync_detailed(
        client=client,
        body=ReplayRequest(
            endpoint_id=endpoint(), from_=datetime(2026, 1, 1, tzinfo=UTC), to=datetime(2026, 1, 2, tzinfo=UTC)
        ),
    ),
    "post_webhooks_endpoints_by_id_enable": lambda: post_webhooks_endpoints_by_id_enable.sync_detailed(
        endpoint(), client=client
    ),
    "post_webhooks_verify": lambda: post_webhooks_verify.sync_detailed(
        client=client,
        body=Verify(secret="whsec_c2VjcmV0", headers=VerifyHeaders.from_dict({"webhook-id": "1"}), body="{}"),
    ),
    "delete_alerts_by_id": lambda: delete_alerts_by_id.sync_detailed(alert(), client=client),
    "post_auth_login": login,
    "post_auth_refresh": refresh,
    "post_auth_token": lambda: post_auth_token.sync_detailed(client=client),
    "post_auth_stream_ticket": lambda: post_auth_stream_ticket.sync_detailed(
        client=client, body=TicketRequest(scope=[Scope("stream:read")])
    ),
    "post_auth_logout": lambda: post_auth_logout.sync_detailed(
        client=client, body=LogoutRequest(refresh_token=refresh_tokens[-1])
    ),
    "get_keys": lambda: get_keys.sync_detailed(client=client),
    "post_keys": create_key,
    "post_keys_by_id_rotate": rotate_key,
    "delete_keys_by_id": lambda: delete_keys_by_id.sync_detailed(keys[-1], client=client),
    "post_users_register": register,
    "get_users_me": lambda: get_users_me.sync_detailed(client=client),
    "patch_users_me": lambda: patch_users_me.sync_detailed(client=client, body=AccountChange()),
    "get_users_me_usage": lambda: get_users_me_usage.sync_detailed(client=client),
    "get_users_me_export": lambda: get_users_me_export.sync_detailed(client=client),
    "get_admin_users": lambda: get_admin_users.sync_detailed(client=client, role=Role.READER, limit=10),
    "patch_admin_users_by_id": lambda: patch_admin_users_by_id.sync_detailed(
        registered[0].id, client=client, body=UserChange(tier=Tier.BASIC)
    ),
    "get_admin_keys": lambda: get_admin_keys.sync_detailed(client=client, limit=10),
    "delete_admin_keys_by_id": lambda: delete_admin_keys_by_id.sync_detailed(uuid4(), client=client),
    "get_admin_limits": lambda: get_admin_limits.sync_detailed(client=client, limit=10),
    "post_admin_limits": set_limit,
    "delete_admin_limits_by_id": lambda: delete_admin_limits_by_id.sync_detailed(overrides[0], client=client),
    "get_admin_ip_blocks": lambda: get_admin_ip_blocks.sync_detailed(client=client),
    "post_admin_ip_blocks": lambda: post_admin_ip_blocks.sync_detailed(
        client=client, body=IpBlockRequest(address="203.0.113.7", seconds=60)
    ),
    "delete_admin_ip_blocks_by_address": lambda: delete_admin_ip_blocks_by_address.sync_detailed(
        "203.0.113.7", client=client
    ),
    "get_admin_audit": lambda: get_admin_audit.sync_detailed(client=client, limit=10),
    "delete_users_me": erase,
    "get_status": lambda: get_status.sync_detailed(client=client),
    "get_health": lambda: get_health.sync_detailed(client=client),
    "get_health_live": lambda: get_health_live.sync_detailed(client=client),
    "get_health_ready": lambda: get_health_ready.sync_detailed(client=client),
    "get_openapi_json": lambda: get_openapi_json.sync_detailed(client=client),
    "get_docs_json": lambda: get_docs_json.sync_detailed(client=client),
    "get_demo_account": lambda: get_demo_account.sync_detailed(client=client),
}


def main() -> None:
    description = json.loads(Path("generated/openapi.json").read_text())
    described = {operation["operationId"] for item in description["paths"].values() for operation in item.values()}
    assert set(CALLS) == described, f"called or described only: {sorted(set(CALLS) ^ described)}"
    for name, call in CALLS.items():
        status = call().status_code
        assert status not in FAULTS, f"{name}: {status}"
        print(f"{int(status)} {name}")


if __name__ == "__main__":
    main()
