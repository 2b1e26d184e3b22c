"""A person with a browser: follows redirects within a server, keeps cookies, fills in the forms of plain HTML pages by the
words on their buttons, and stops where the browser would go to the app.
"""
import html.parser
import http.cookiejar
import urllib.error
import urllib.parse
import urllib.request


class Stop(urllib.request.HTTPRedirectHandler):
    """Follows redirects within the server; one to the app is where the browser would leave it."""

    def __init__(self, app):
        self.app = app

    def redirect_request(self, request, fp, code, msg, headers, url):
        if url.startswith(self.app):
            raise Landed(url)
        return super().redirect_request(request, fp, code, msg, headers, url)


class Landed(Exception):
    pass


class Forms(html.parser.HTMLParser):
    """The forms of a page, with their fields' values, buttons, and the words of the buttons."""

    def __init__(self, text):
        super().__init__()
        self.forms, self.button = [], None
        self.feed(text)

    def handle_starttag(self, tag, attrs):
        a = dict(attrs)
        if tag == "form":
            self.forms.append({"action": a.get("action", ""), "fields": [], "buttons": []})
        if not self.forms:
            return
        form = self.forms[-1]
        if tag == "input" and a.get("name"):
            checked = a.get("type") not in ("checkbox", "radio") or "checked" in a
            form["fields"].append([a["name"], a.get("value") or "", checked])
        if tag == "button":
            self.button = {"name": a.get("name"), "value": a.get("value") or "", "text": ""}
            form["buttons"].append(self.button)

    def handle_endtag(self, tag):
        if tag == "button":
            self.button = None

    def handle_data(self, data):
        if self.button is not None:
            self.button["text"] += data


class Person:
    """A browser in the hands of somebody."""

    def __init__(self, app, user, password):
        jar = http.cookiejar.CookieJar()
        self.user, self.password = user, password
        self.opener = urllib.request.build_opener(Stop(app), urllib.request.HTTPCookieProcessor(jar))
        self.url = self.text = None

    def go(self, url, data=None):
        try:
            with self.opener.open(url, data) as page:
                self.url, self.text = page.geturl(), page.read().decode()
        except urllib.error.HTTPError as e:
            raise AssertionError(f"{e.code}: {e.read().decode()[:2000]}") from e

    def press(self, words, **values):
        for form in Forms(self.text).forms:
            for button in form["buttons"]:
                if words not in button["text"]:
                    continue
                pairs = [(n, values.get(n, v)) for n, v, on in form["fields"] if on]
                if button["name"]:
                    pairs.append((button["name"], button["value"]))
                data = urllib.parse.urlencode(pairs).encode()
                return self.go(urllib.parse.urljoin(self.url, form["action"] or self.url), data)
        raise AssertionError(f"no button {words!r} on {self.url}")

    def agree(self, url, patient):
        """From the app's address to the address that the app gets back."""
        try:
            self.go(url)
            self.press("Sign in", user=self.user, password=self.password)
            self.press(patient)
            self.press("Allow")
        except Landed as landed:
            return str(landed)
        raise AssertionError(f"the app was not reached from {self.url}: {self.text[:1000]}")
