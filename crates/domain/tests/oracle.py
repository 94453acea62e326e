"""Statistics of price series with 60 digits, by their definitions in docs/methodology.md.

Reads one series a line: the kind of return, then prices as exact hexadecimal floats. Writes one line of name=value
for each. It shares no code and no method with the crate: plain sums over exact decimals.
"""

import sys
from decimal import Decimal, getcontext

getcontext().prec = 60


def statistics(kind, prices):
    n = len(prices)
    if kind == "simple":
        returns = [b / a - 1 for a, b in zip(prices, prices[1:])]
    else:
        returns = [(b / a).ln() for a, b in zip(prices, prices[1:])]
    count = len(returns)
    mean = sum(returns) / count
    result = {
        "average_price": sum(prices) / n,
        "change_percent": (prices[-1] / prices[0] - 1) * 100,
        "volatility": (sum((r - mean) ** 2 for r in returns) / (count - 1)).sqrt(),
        "downside_risk": (sum(min(r, Decimal(0)) ** 2 for r in returns) / count).sqrt(),
    }
    peak, worst = prices[0], Decimal(0)
    for price in prices:
        peak = max(peak, price)
        worst = min(worst, price / peak - 1)
    result["max_drawdown"] = worst
    if worst != 0:
        exponent = Decimal(365) / Decimal(n - 1)
        growth = ((prices[-1] / prices[0]).ln() * exponent).exp() - 1
        result["calmar_ratio"] = growth / abs(worst)
    ordered = sorted(returns)
    place = (count - 1) * Decimal(5) / Decimal(100)
    below = int(place)
    above = min(below + 1, count - 1)
    result["var_95"] = -(ordered[below] + (ordered[above] - ordered[below]) * (place - below))
    return result


for line in sys.stdin:
    kind, *texts = line.split()
    values = statistics(kind, [Decimal(float.fromhex(text)) for text in texts])
    print(" ".join(f"{name}={value:.40e}" for name, value in values.items()))
