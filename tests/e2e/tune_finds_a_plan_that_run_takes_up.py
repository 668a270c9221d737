#!/usr/bin/env python3
"""headrace tune leaves a plan beside the model and a page with plots; headrace run takes the plan up by itself, the
command line wins over it, and --plan none goes without."""
import tomllib
from html.parser import HTMLParser
from pathlib import Path

import job


class Page(HTMLParser):
    """Every tag closed in order, and nothing asked for from elsewhere."""

    open_tags, seen = [], set()

    def handle_starttag(self, tag, attrs):
        self.seen.add(tag)
        assert tag not in ("script", "link", "img", "iframe"), tag
        assert not any(name in ("src", "href", "xlink:href") for name, _ in attrs), attrs
        if tag != "meta":
            self.open_tags.append(tag)

    def handle_startendtag(self, tag, attrs):
        self.seen.add(tag)

    def handle_endtag(self, tag):
        assert self.open_tags.pop() == tag, tag


def body():
    model, inputs = job.fake(spin_us=2000), job.listed(job.numbered(300))
    done = job.run(model, inputs, "--time", "9s", "--sample", 50, "--report", "page.html", command="tune",
                   environment={"HEADRACE_CPUS": "2"})  # fmt: skip
    assert "the plan: " in done.said and "the plan without tuning" in done.said, done.said
    plan = tomllib.loads(Path(model, "plan.toml").read_text())
    assert plan["container"]["cpus"] == 2 and plan["measured"]["rate"] > 0, plan
    assert plan["plan"]["engine"] == "fake" and plan["plan"]["workers"] >= 1, plan
    page = Page()
    page.feed(Path("page.html").read_text())
    assert not page.open_tags and {"svg", "table", "rect", "circle"} <= page.seen, (page.open_tags, page.seen)

    wanted = {key: plan["plan"][key] for key in ("workers", "threads", "batch")}
    told = {"environment": {"HEADRACE_CPUS": "2", "HEADRACE_LOG_LEVEL": "info"}}
    done = job.run(model, inputs, "--summary", "summary.json", **told)
    assert f"plan of {model}/plan.toml (made " in done.said, done.said
    assert {key: done.summary[key] for key in wanted} == wanted, done.summary
    done = job.run(model, inputs, "--summary", "summary.json", "--workers", 3, "--batch", 5, **told)
    assert (done.summary["workers"], done.summary["batch"]) == (3, 5), done.summary
    done = job.run(model, inputs, "--summary", "summary.json", "--plan", "none", **told)
    assert "plan of" not in done.said and done.summary["workers"] == 2, done.said


job.test(body)
