#!/usr/bin/env python3
"""How often the default thresholds of the risk checks are reached in recorded prices.

Of the days in the record, the median day has at most one asset in five in Alert, and on the median day most assets are OK;
otherwise a level says nothing. `docs/methodology.md` has the shares that this prints. Data: CRYPTOLENS_SHARED/data.
"""

import collections
import csv
import datetime
import gzip
import os
import pathlib
import statistics
import sys
import tomllib

ROOT = pathlib.Path(__file__).resolve().parents[2]
DATA = pathlib.Path(os.environ.get("CRYPTOLENS_SHARED", ROOT.parent / "shared")) / "data"
DAY = datetime.timedelta(days=1)
HOUR = 3_600
# A wide market exists from then on; before, the record has few assets.
FIRST_DAY, LAST_DAY = datetime.date(2018, 1, 1), datetime.date(2022, 6, 29)
LEAST_ASSETS = 10
MOST_IN_ALERT = 0.2


def thresholds():
    settings = tomllib.loads((ROOT / "services/alerts/config/default.toml").read_text())
    names = {"fall": "risk_price_drop_percent", "volatility": "risk_volatility_ratio", "drawdown": "risk_drawdown_percent"}
    return {check: [float(value) for value in settings[name]] for check, name in names.items()}


def rows(path):
    with gzip.open(DATA / path, "rt") as file:
        yield from csv.DictReader(file)


def daily_prices():
    prices = collections.defaultdict(dict)
    for row in rows("daily/coingecko_daily.csv.gz"):
        if row["symbol"] != "usdt":
            prices[row["symbol"]][datetime.date.fromisoformat(row["date"])] = float(row["price_usd"])
    return prices


def values_of_day(prices, day):
    """`(fall over a day, drawdown over 30 days)` in percent of each asset with at least half of the window."""
    for of_asset in prices.values():
        month = [of_asset[day - back * DAY] for back in range(31) if day - back * DAY in of_asset]
        if day in of_asset and day - DAY in of_asset and len(month) > 15:
            now = of_asset[day]
            yield (1 - now / of_asset[day - DAY]) * 100, (1 - now / max(month)) * 100


def daily_shares(is_reached):
    """Per day the share of assets for which `is_reached(fall, drawdown)`."""
    prices, shares, day = daily_prices(), [], FIRST_DAY
    while day <= LAST_DAY:
        reached = [is_reached(*values) for values in values_of_day(prices, day)]
        if len(reached) >= LEAST_ASSETS:
            shares.append(sum(reached) / len(reached))
        day += DAY
    return shares


def hourly_drawdowns():
    """Of the close of every hour below the highest price of 30 days, wicks included, in percent."""
    for asset in ("adausdt", "bnbusdt", "btcusdt", "ethusdt", "ltcusdt"):
        highest = collections.deque()
        for row in rows(f"hourly/binance_{asset}_1h.csv.gz"):
            at, high, close = int(row["open_time_s"]), float(row["high"]), float(row["close"])
            while highest and highest[-1][1] <= high:
                highest.pop()
            highest.append((at, high))
            while highest[0][0] <= at - 720 * HOUR:
                highest.popleft()
            yield (1 - close / highest[0][1]) * 100


def hourly_volatility_ratios():
    """Of the calm first week of the minutes on record: the volatility of each hour over the median of the week."""
    closes = {}
    for row in rows("minute/binance_btcusdt_1m.csv.gz"):
        closes[int(row["open_time_s"]) // 300 * 300] = float(row["close"])
    first = min(closes)
    hours = []
    for start in range(first + HOUR, first + 7 * 24 * HOUR, HOUR):
        hours.append(statistics.stdev(closes[at] / closes[at - 300] - 1 for at in range(start, start + HOUR, 300)))
    median = statistics.median(hours)
    return [hour / median for hour in hours]


def main():
    if not DATA.is_dir():
        print(f"SKIPPED: there are no recorded prices in {DATA}")
        return 0
    reached = thresholds()
    failed = False
    for index, level in enumerate(("Warning or Alert", "Alert")):
        fall, drawdown = reached["fall"][index], reached["drawdown"][index]
        for name, is_reached in (
            (f"fall of {fall:g} % or drawdown of {drawdown:g} %", lambda f, d: f >= fall or d >= drawdown),
            (f"drawdown of {drawdown:g} %", lambda f, d: d >= drawdown),
        ):
            shares = daily_shares(is_reached)
            median = statistics.median(shares)
            print(f"{level}: {name}: {median:.0%} of the assets on the median of {len(shares)} days, {statistics.mean(shares):.0%} on average")
            failed |= median > (MOST_IN_ALERT if level == "Alert" else 0.5)
        hours = list(hourly_drawdowns())
        print(f"{level}: drawdown with wicks: {sum(d >= drawdown for d in hours) / len(hours):.0%} of {len(hours)} hours of five assets")
        ratios = hourly_volatility_ratios()
        ratio = reached["volatility"][index]
        print(f"{level}: volatility {ratio:g}x: {sum(r >= ratio for r in ratios) / len(ratios):.0%} of {len(ratios)} calm hours of BTC")
    if failed:
        print("the thresholds are reached too often for a level to say anything", file=sys.stderr)
    return int(failed)


if __name__ == "__main__":
    sys.exit(main())
