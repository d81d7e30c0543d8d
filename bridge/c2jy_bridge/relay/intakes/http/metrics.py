"""What the bridge counts, in the text form that Prometheus reads (exposition format 0.0.4)."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterator, Mapping

from c2jy_bridge.relay.status import BridgeStatus

MEDIA_TYPE = "text/plain; version=0.0.4; charset=utf-8"


class HttpCounts:
    """Answers and the time they took."""

    def __init__(self) -> None:
        self.answers: Counter[tuple[str, str, int]] = Counter()
        self.seconds: Counter[tuple[str, str]] = Counter()

    def add(self, method: str, route: str, status: int, seconds: float) -> None:
        """Count one answer."""
        self.answers[method, route, status] += 1
        self.seconds[method, route] += seconds  # type: ignore[assignment]  # a Counter adds floats as well


def exposition(http: HttpCounts, status: BridgeStatus) -> str:
    """All metrics as text."""
    lines = [
        *_family("c2jy_bridge_requests", "gauge", "Bridge requests that are kept, by state."),
        *(_sample("c2jy_bridge_requests", {"state": s}, n) for s, n in sorted(status.counts.items())),
        *_family("c2jy_bridge_at_work", "gauge", "Requests being carried out."),
        _sample("c2jy_bridge_at_work", {}, status.at_work),
        *_family("c2jy_bridge_intake_alive_seconds", "gauge", "Unix time of the last sign of life."),
        *(
            _sample("c2jy_bridge_intake_alive_seconds", {"intake": intake.name}, intake.alive_at)
            for intake in status.intakes
        ),
        *_family("c2jy_bridge_http_responses_total", "counter", "HTTP answers."),
        *(
            _sample("c2jy_bridge_http_responses_total", {"method": m, "route": r, "code": str(c)}, n)
            for (m, r, c), n in sorted(http.answers.items())
        ),
        *_family("c2jy_bridge_http_seconds_total", "counter", "Seconds spent on HTTP answers."),
        *(
            _sample("c2jy_bridge_http_seconds_total", {"method": m, "route": r}, s)
            for (m, r), s in sorted(http.seconds.items())
        ),
    ]
    return "\n".join(lines) + "\n"


def _family(name: str, kind: str, text: str) -> Iterator[str]:
    yield f"# HELP {name} {text}"
    yield f"# TYPE {name} {kind}"


def _sample(name: str, labels: Mapping[str, str], value: float) -> str:
    inside = ",".join(f'{key}="{_escaped(text)}"' for key, text in labels.items())
    return f"{name}{{{inside}}} {value:.15g}" if inside else f"{name} {value:.15g}"


def _escaped(text: str) -> str:
    return text.replace("\\", "\\\\").replace('"', '\\"').replace("\n", "\\n")
