"""The page /docs as people use it: in a browser, behind a gateway that serves the application below a prefix, with a token, under its own Content-Security-Policy.
Runs with the Python of build/venv (scripts/setup), which has selenium."""

import contextlib
import http.client
import http.server
import pathlib
import threading
import uuid

import pytest

from conveyor import Process, request, until

pytestmark = pytest.mark.browser

PREFIX = "/shop/trouble"


class Gateway:
    """Hands what comes below PREFIX to a port without it, and remembers which token came along."""

    def __init__(self, port):
        self.seen = []  # (method, path, Authorization)
        gateway = self

        class Handler(http.server.BaseHTTPRequestHandler):
            def forward(self):
                if not self.path.startswith(PREFIX + "/"):
                    self.send_error(404)
                    return
                path = self.path[len(PREFIX):]
                gateway.seen.append((self.command, path, self.headers.get("Authorization")))
                body = self.rfile.read(int(self.headers.get("Content-Length") or 0))
                upstream = http.client.HTTPConnection("127.0.0.1", port, timeout=30)
                with contextlib.closing(upstream):
                    upstream.request(self.command, path, body or None, {k: v for k, v in self.headers.items() if k.lower() not in ("connection", "content-length")})
                    answer = upstream.getresponse()
                    content = answer.read()
                self.send_response(answer.status)
                for name, value in answer.getheaders():
                    if name.lower() not in ("connection", "content-length", "transfer-encoding", "date", "server"):
                        self.send_header(name, value)
                self.send_header("Content-Length", str(len(content)))
                self.end_headers()
                self.wfile.write(content)

            do_GET = do_POST = do_PUT = do_DELETE = forward

            def log_message(self, *_):
                pass

        self.server = http.server.ThreadingHTTPServer(("127.0.0.1", 0), Handler)
        self.thread = threading.Thread(target=self.server.serve_forever, daemon=True)
        self.thread.start()
        self.url = f"http://127.0.0.1:{self.server.server_port}{PREFIX}"

    def close(self):
        self.server.shutdown()
        self.server.server_close()
        self.thread.join()


def processes_with(text):
    found = []
    for each in pathlib.Path("/proc").glob("[0-9]*/cmdline"):
        with contextlib.suppress(OSError):
            if text.encode() in each.read_bytes():
                found.append(each.parent.name)
    return found


class Browser:
    def __init__(self, profile):
        from selenium import webdriver

        options = webdriver.ChromeOptions()
        options.binary_location = "/usr/bin/chromium"
        # --no-sandbox: root in a container has no other way; /dev/shm is small there.
        for each in ("--headless=new", "--no-sandbox", "--disable-dev-shm-usage", "--disable-gpu", "--no-first-run", "--disable-background-networking",
                     "--window-size=1300,1000", f"--user-data-dir={profile}"):
            options.add_argument(each)
        options.set_capability("goog:loggingPrefs", {"browser": "ALL"})
        self.driver = webdriver.Chrome(options=options, service=webdriver.ChromeService("/usr/bin/chromedriver"))
        self.driver.execute_cdp_cmd("Page.addScriptToEvaluateOnNewDocument", {
            "source": "window.refused = []; addEventListener('securitypolicyviolation', e => refused.push(e.effectiveDirective + ' ' + e.blockedURI));"})

    def script(self, source, *arguments):
        return self.driver.execute_script(source, *arguments)

    def find(self, css, text="", seconds=60):
        """The element that is to be seen, with this in its text. The page builds itself, so it is looked for again and again."""
        return until(f"{css} with '{text}'", lambda: self.script(
            "return [...document.querySelectorAll(arguments[0])].find(e => e.getClientRects().length && e.textContent.includes(arguments[1]))", css, text), seconds)

    def click(self, css, text=""):
        self.script("arguments[0].scrollIntoView({block: 'center'})", self.find(css, text))
        self.find(css, text).click()

    def type(self, css, text):
        field = self.find(css)
        self.script("arguments[0].scrollIntoView({block: 'center'})", field)
        field.send_keys("\ue009a\ue000" + text)  # Control and a: instead of what stands there

    def text(self, css):
        return self.find(css).get_property("textContent")

    def complaints(self):
        """What the page was refused, and what the console says of errors."""
        return self.script("return window.refused"), [each["message"] for each in self.driver.get_log("browser") if each["level"] == "SEVERE"]


@pytest.fixture(scope="module")
def opened_browser(tmp_path_factory):
    profile = tmp_path_factory.mktemp("profile")
    opened = Browser(profile)
    try:
        yield opened
    finally:
        opened.driver.quit()
    until("the browser is gone", lambda: not processes_with(str(profile)))


@pytest.fixture
def browser(opened_browser):
    """The browser of all tests, with nothing open and nothing complained of."""
    opened_browser.driver.execute_cdp_cmd("Emulation.setEmulatedMedia", {"features": []})
    opened_browser.driver.get("about:blank")
    opened_browser.complaints()
    return opened_browser


@pytest.fixture
def service(tmp_path):
    running = Process("trouble", ["--data", str(tmp_path / "data"), "--urls", "http://127.0.0.1:0", "--swagger:includeSecurity=true", "--swagger:routePrefix=api/reference"])
    running.wait_until_ready(["trouble"])
    yield running.ports["trouble"]
    running.close()


@pytest.fixture
def gateway(service):
    opened = Gateway(service)
    yield opened
    opened.close()


@pytest.mark.parametrize("page", ["/docs", "/docs/", "/api/reference"])
def test_a_request_is_tried_with_a_token_and_its_answer_read_whole(browser, gateway, page):
    browser.driver.get(gateway.url + page)
    browser.find(".title", "trouble")

    browser.click("button.authorize")
    browser.type(".auth-container input", "the-token")
    browser.click(".auth-container button.authorize")
    browser.click(".auth-container button.btn-done")

    # To an operation by its link; its form is open at once.
    browser.click(".opblock-summary-path a", "/fill/")
    assert "#/" in browser.driver.current_url and "ill" in browser.driver.current_url
    browser.type(".opblock.is-open input", "100000")
    browser.click(".opblock.is-open button.execute")
    browser.find(".opblock.is-open .live-responses-table .response-col_status", "200")
    body = browser.text(".opblock.is-open .live-responses-table .response-col_description .highlight-code")
    assert body.count("x") >= 100000, "the whole body"
    assert gateway.seen[-1] == ("GET", "/fill/100000", "Bearer the-token")

    # The link leads there again, in a new window as well.
    link = browser.driver.current_url
    browser.driver.get("about:blank")
    browser.driver.get(link)
    browser.find(".opblock.is-open .opblock-summary-path", "/fill/")
    assert browser.complaints() == ([], [])


def test_a_body_is_written_by_its_type_and_sent(browser, gateway, service):
    browser.driver.get(gateway.url + "/docs")
    browser.click(".opblock-summary-path a", "/things")
    # From the body to its type and on to the type of a member.
    browser.click(".opblock.is-open .opblock-section-request-body button", "Schema")
    browser.find(".opblock.is-open .opblock-section-request-body", "afterMilliseconds")
    assert "throwInt" not in browser.text(".opblock.is-open .opblock-section-request-body")
    browser.click(".opblock.is-open .opblock-section-request-body .json-schema-2020-12-accordion", "deed")
    browser.click(".opblock.is-open .opblock-section-request-body .json-schema-2020-12-accordion", "Enum")
    browser.find(".opblock.is-open .opblock-section-request-body", "throwInt")
    browser.click(".opblock.is-open .opblock-section-request-body button", "Edit Value")
    thing = str(uuid.uuid4())
    browser.type(".opblock.is-open textarea.body-param__text", '{"id": "%s", "note": "from the page", "deed": "ordinary"' % thing + "}")
    browser.click(".opblock.is-open button.execute")
    browser.find(".opblock.is-open .live-responses-table .response-col_status", "201")
    assert f"/things/{thing}" in browser.text(".opblock.is-open .live-responses-table .response .response-col_description")
    assert request(service, "GET", f"/things/{thing}").json()["note"] == "from the page"
    assert browser.complaints() == ([], [])


def test_it_is_dark_where_the_system_is(browser, gateway):
    browser.driver.execute_cdp_cmd("Emulation.setEmulatedMedia", {"features": [{"name": "prefers-color-scheme", "value": "dark"}]})
    browser.driver.get(gateway.url + "/docs")
    browser.click(".opblock-summary-path a", "/fill/")
    assert "dark-mode" in browser.script("return document.documentElement.className")
    browser.click("button.authorize")
    browser.find(".auth-container input")
    assert browser.complaints() == ([], [])
