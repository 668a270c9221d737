#!/usr/bin/env python3
"""When the last model has gone the page shows nothing of the container that was so before; and the past of a model that
has begun anew begins anew."""
import job
import browser
import serving

browser.needs_browser()


def body():
    serving.tagged("one", 1, "models")
    server = serving.Server("one", "--repository", "models", "--admin", "127.0.0.1:0", "--workers", 1)
    admin = server.admin()
    with browser.Browser() as page:
        page.open(f"http://{admin.host}:{admin.port}/")
        job.until(lambda: "● ready" in page.text() and "of – cores" not in page.text(), 60, "the page is there")
        assert server.repository("models/one/unload").status == 200
        job.until(lambda: "of – cores" in page.text() and "workers –" in page.text(), 60, "nothing is known")
        extend = "const series = {a: [1, 2, 3]}; extend(series, {a: [4, 5], last: 9}, arguments[0]); return series.a"
        assert page.script(extend, 2) == [1, 2, 3, 4, 5] and page.script(extend, 3) == [4, 5]
        assert not page.complaints(), page.complaints()
    server.end()


job.test(body)
