"""The table, and the same as JSON."""

import os
import platform
from datetime import date
from statistics import median


def ratios(ours, theirs):
    """Median, least and greatest of ours to theirs, round by round: rounds of one number ran within seconds of each other."""
    pairs = [a.cpu / b.cpu for a, b in zip(ours, theirs)]
    return median(pairs), min(pairs), max(pairs)


def machine():
    model = "unknown CPU"
    with open("/proc/cpuinfo", encoding="utf-8") as lines:
        for line in lines:
            if line.startswith("model name"):
                model = line.partition(":")[2].strip()
                break
    return {"cpu": model, "cores": os.cpu_count(), "kernel": platform.release(), "date": date.today().isoformat()}


def summary(samples, versions):
    """Medians per target, and CPU ratios of each Tollgate to each peer."""
    ours = [name for name in samples if name.startswith("tollgate")]
    rows = {}
    for name, rounds in samples.items():
        rows[name] = {field: median(getattr(s, field) for s in rounds) for field in ("rate", "p50", "p99", "cpu")}
        rows[name]["cpu_ratio"] = {
            own: dict(zip(("median", "min", "max"), ratios(samples[own], rounds))) for own in ours if own != name}
    return {"machine": machine(), "versions": versions, "rounds": len(next(iter(samples.values()))), "targets": rows}


def table(result):
    """Markdown, so that a page can show it as printed."""
    rows = result["targets"]
    ours = [name for name in rows if name.startswith("tollgate")]
    place = result["machine"]
    out = [f"{place['date']}, {place['cpu']}, {place['cores']} cores, Linux {place['kernel']}, {result['rounds']} rounds; "
           + ", ".join(result["versions"]), ""]
    head = ["target", "requests/s", "p50 ms", "p99 ms", "CPU µs/request"]
    head += [f"CPU of {own} to it (min–max)" for own in ours]
    out += ["| " + " | ".join(head) + " |", "|---|" + "---:|" * (len(head) - 1)]
    for name, row in rows.items():
        cells = [name, f"{row['rate']:,.0f}", f"{row['p50'] / 1000:.2f}", f"{row['p99'] / 1000:.2f}", f"{row['cpu']:.2f}"]
        for own in ours:
            ratio = row["cpu_ratio"].get(own)
            cells.append(f"{ratio['median']:.2f} ({ratio['min']:.2f}–{ratio['max']:.2f})" if ratio else "–")
        out.append("| " + " | ".join(cells) + " |")
    return "\n".join(out)
