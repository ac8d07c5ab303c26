"""Headless Chromium as a person without a mouse uses it."""

from __future__ import annotations

import base64
import os
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from typing import Any

from selenium import webdriver
from selenium.common.exceptions import TimeoutException
from selenium.webdriver.common.action_chains import ActionChains
from selenium.webdriver.common.keys import Keys
from selenium.webdriver.support.ui import WebDriverWait

from tests.support.axe import BUILD, axe_core

BROWSERS = ("/usr/bin/chromium", "/usr/bin/chromedriver")
WIDE, SMALL = (1280, 900), (360, 740)


@contextmanager
def chromium() -> Iterator[webdriver.Chrome]:
    """Start a browser of its own."""
    options = webdriver.ChromeOptions()
    options.binary_location = BROWSERS[0]
    for flag in ("--headless=new", "--no-sandbox", "--disable-dev-shm-usage", "--disable-gpu", "--lang=fr-FR", "--hide-scrollbars"):
        options.add_argument(flag)
    options.add_argument("--host-resolver-rules=MAP * ~NOTFOUND, EXCLUDE 127.0.0.1, EXCLUDE localhost")  # nobody else is asked
    french = {**os.environ, "LANGUAGE": "fr_FR", "LANG": "fr_FR.UTF-8"}
    driver = webdriver.Chrome(options=options, service=webdriver.ChromeService(executable_path=BROWSERS[1], env=french))
    try:
        driver.set_window_size(*WIDE)
        yield driver
    finally:
        driver.quit()


def forget(driver: webdriver.Chrome) -> None:
    """Leave a browser as one that was just started: one window, nothing shown, nothing remembered."""
    first, *others = driver.window_handles
    for other in others:
        driver.switch_to.window(other)
        driver.close()
    driver.switch_to.window(first)
    driver.execute_cdp_cmd("Network.clearBrowserCookies", {})
    driver.execute_cdp_cmd("Emulation.clearDeviceMetricsOverride", {})
    driver.get("about:blank")


class Keyboard:
    """A person at a keyboard: goes on by Tab, presses Enter and Space, types.

    Args:
        home: The portal's address.
    """

    def __init__(self, driver: webdriver.Chrome, home: str) -> None:
        self.driver, self.home = driver, home

    def login(self, provider: str, subject: str) -> None:
        """Enter by a provider, as the person of that subject."""
        self.driver.get(f"{self.home}/login")
        self.enter(provider, subject)

    def enter(self, provider: str, subject: str) -> None:
        """From the login page on, enter by a provider, as the person of that subject."""
        self.follow(f"a[data-provider='{provider}']")
        self.press(f"button[value='{subject}']")
        self.until(f"return location.href.startsWith('{self.home}') && !location.pathname.startsWith('/login')")

    def leave(self) -> None:
        """Log out."""
        self.press("form[action='/logout'] button")
        self.driver.delete_all_cookies()

    def work_at(self, site: str) -> None:
        """Choose a site in the page's head."""
        self.tab_to("details.switch summary")
        self.keys(Keys.ENTER)
        self.follow(f"details.switch a[href='/sites/{site}']")

    def text(self, selector: str) -> str:
        """Return what the first thing named says."""
        assert self.has(selector), f"{self.path}: no {selector}"
        return str(self.driver.execute_script("return document.querySelector(arguments[0]).innerText", selector))

    def all(self, selector: str, name: str) -> list[str]:
        """Return one `data-` attribute of everything that the selector names; the name as a script has it, `errorCode`."""
        script = "return [...document.querySelectorAll(arguments[0])].map(each => each.dataset[arguments[1]])"
        return list(self.driver.execute_script(script, selector, name))

    def facts(self, selector: str, *names: str) -> list[str]:
        """Return `data-` attributes of the only thing that the selector names, as `all`."""
        found = [self.all(selector, name) for name in names]
        assert all(len(each) == 1 for each in found), f"{self.path}: not one {selector}: {found}"
        return [each[0] for each in found]

    @property
    def focused(self) -> str:
        """Return the id of what has the focus."""
        return str(self.driver.execute_script("return document.activeElement.id"))

    def has(self, selector: str) -> bool:
        """Tell whether the page holds something."""
        return bool(self.driver.execute_script("return document.querySelector(arguments[0]) !== null", selector))

    def open(self, path: str) -> None:
        """Type an address."""
        self.driver.get(self.home + path)

    def tab_to(self, selector: str, most: int = 250) -> None:
        """Press Tab until what the selector names has the focus.

        Raises:
            AssertionError: It is not reached, or shows no focus.
        """
        for _ in range(most):
            if self.driver.execute_script("return document.activeElement.matches(arguments[0])", selector):
                assert self.driver.execute_script(_FOCUS_SHOWN), f"{selector}: nothing shows that it has the focus"
                return
            self.keys(Keys.TAB)
        raise AssertionError(f"{self.driver.current_url.removeprefix(self.home)}: Tab does not reach {selector}")

    def press(self, selector: str) -> None:
        """Go to a button or link, press Enter, and wait for the page that follows."""
        self.tab_to(selector)
        self.driver.execute_script("document.documentElement.dataset.before = '1'")
        self.keys(Keys.ENTER)
        self._arrived()

    def _arrived(self) -> None:
        self.until("return !document.documentElement.dataset.before && document.readyState === 'complete'")

    follow = press

    def switch(self, selector: str) -> None:
        """Go to a box or to what unfolds, and press Space."""
        self.tab_to(selector)
        self.keys(Keys.SPACE)

    def does(self, selector: str, then: str) -> None:
        """Go to a button that changes a part of the page, press Enter, and wait until a script returns something."""
        self.tab_to(selector)
        self.keys(Keys.ENTER)
        self.until(then)

    def rows(self, selector: str) -> list[dict[str, str]]:
        """Return the `data-` attributes of what the selector names, in the order of the page."""
        return list(
            self.driver.execute_script("return [...document.querySelectorAll(arguments[0])].map(e => ({...e.dataset}))", selector)
        )

    def choose(self, selector: str, value: str) -> None:
        """Go to a list and type on until it shows the value."""
        self.tab_to(selector)
        for _ in range(100):
            if self.driver.execute_script("return document.activeElement.value") == value:
                return
            self.keys(Keys.ARROW_DOWN)
        raise AssertionError(f"{selector} does not offer {value}")

    def pick(self, selector: str, value: str) -> None:
        """Go to a choice of buttons, by arrows to the value, and press Space."""
        self.choose(selector, value)
        self.keys(Keys.SPACE)

    def scan(self, *pieces: str) -> None:
        """Do what a scanner does that stands for a keyboard: type, Ctrl+] for each GS, and Enter."""
        self.driver.execute_script("document.documentElement.dataset.before = '1'")
        for number, piece in enumerate(pieces):
            if number:
                ActionChains(self.driver).key_down(Keys.CONTROL).send_keys("]").key_up(Keys.CONTROL).perform()
            self.keys(piece)
        self.keys(Keys.ENTER)
        self._arrived()

    def type(self, selector: str, text: str) -> None:
        """Go to a field and type."""
        self.tab_to(selector)
        self.keys(text)

    def date(self, selector: str, iso: str) -> None:
        """Go to a date field and type its parts, in the order this browser's language has them."""
        year, month, day = iso.split("-")
        self.tab_to(selector)
        for parts in ((day, month, year), (month, day, year)):
            self.keys(Keys.ARROW_LEFT, Keys.ARROW_LEFT, *parts)
            if self.driver.execute_script("return document.activeElement.value") == iso:
                return
        raise AssertionError(f"{selector} does not take {iso}")

    def clock(self, selector: str, hhmm: str) -> None:
        """Go to a field for a time and type it, with the half of the day where this browser's language asks for it."""
        hours, minutes = hhmm.split(":")
        self.tab_to(selector)
        for parts in ((hours, minutes), (f"{(int(hours) - 1) % 12 + 1:02d}", minutes, "P" if int(hours) > 11 else "A")):
            self.keys(Keys.ARROW_LEFT, Keys.ARROW_LEFT, *parts)
            if self.driver.execute_script("return document.activeElement.value") == hhmm:
                return
        raise AssertionError(f"{selector} does not take {hhmm}")

    def opens_beside(self, selector: str) -> bytes:
        """Press a link that opens in a window of its own; close that window, and return what the address gives."""
        here = self.driver.current_window_handle
        self.tab_to(selector)
        address = self.driver.execute_script("return document.activeElement.href")
        self.keys(Keys.ENTER)
        self._wait("return true", 30, lambda driver: len(driver.window_handles) == 2)
        other = next(each for each in self.driver.window_handles if each != here)
        self.driver.switch_to.window(other)
        self._wait("return location.href", 30, lambda driver: driver.current_url == address)
        self.driver.close()
        self.driver.switch_to.window(here)
        return base64.b64decode(self.driver.execute_async_script(_FETCHED, address))

    def keys(self, *keys: str) -> None:
        """Press keys."""
        ActionChains(self.driver).send_keys(*keys).perform()

    def overwrite(self, selector: str, text: str) -> None:
        """Go to a field, select all of it, and type."""
        self.tab_to(selector)
        ActionChains(self.driver).key_down(Keys.CONTROL).send_keys("a").key_up(Keys.CONTROL).send_keys(text).perform()

    def until(self, script: str, timeout_s: float = 30) -> Any:
        """Wait until a script returns something."""
        return self._wait(script, timeout_s, lambda driver: driver.execute_script(script))

    def reload_until(self, script: str, timeout_s: float = 60, every_s: float = 0.2) -> Any:
        """Press F5 until a script returns something."""

        def again(driver: webdriver.Chrome) -> Any:
            driver.refresh()
            return driver.execute_script(script)

        return self._wait(script, timeout_s, again, every_s)

    def _wait(self, script: str, timeout_s: float, look: Callable[[webdriver.Chrome], Any], every_s: float = 0.2) -> Any:
        try:
            return WebDriverWait(self.driver, timeout_s, poll_frequency=every_s).until(look)
        except TimeoutException:
            self.photograph("not-found")
            raise AssertionError(f"{self.path}: not found in time: {script}") from None

    @property
    def path(self) -> str:
        """The path shown."""
        return str(self.driver.execute_script("return location.pathname"))

    def photograph(self, name: str) -> None:
        """Leave pictures of the page, wide and small, in build/screens."""
        folder = BUILD / "screens"
        folder.mkdir(parents=True, exist_ok=True)
        for width, height in (WIDE, SMALL):
            self.sized(width, height)
            # As high as the page is: what sticks to the window's edge would stand in the middle of the picture.
            self.sized(width, max(height, self.driver.execute_script("return document.documentElement.scrollHeight")))
            whole = self.driver.execute_cdp_cmd("Page.captureScreenshot", {"captureBeyondViewport": True})
            (folder / f"{name}-{width}.png").write_bytes(base64.b64decode(whole["data"]))
        self.sized(*WIDE)

    def look(self, name: str) -> None:
        """Leave pictures of what a person sees only now, and require that axe-core has nothing to say."""
        self.photograph(name)
        assert not (found := self.faults()), (name, found)

    def sized(self, width: int, height: int) -> None:
        """Show the page in a window of that size, in CSS pixels."""
        metrics = {"width": width, "height": height, "deviceScaleFactor": 1, "mobile": False}
        self.driver.execute_cdp_cmd("Emulation.setDeviceMetricsOverride", metrics)

    def faults(self) -> list[str]:
        """Return what axe-core finds serious or critical, what scrolls sideways at 360 px, and what a page must have and has not."""
        found = self._axe()
        self.sized(*SMALL)
        if self.driver.execute_script("return document.documentElement.scrollWidth > document.documentElement.clientWidth"):
            found.append("scrolls sideways at 360 px: " + str(self.driver.execute_script(_WIDEST)))
        self.sized(*WIDE)
        if self.driver.execute_script("return document.querySelectorAll('h1').length") != 1:
            found.append("not one h1")
        if self.driver.execute_script("return document.documentElement.lang") != "fr" or not self.driver.title:
            found.append("no language or no title")
        return found

    def _axe(self) -> list[str]:
        self.driver.execute_cdp_cmd("Runtime.evaluate", {"expression": axe_core()})
        answer = self.driver.execute_async_script(
            "const done = arguments[0]; axe.run(document).then(done, e => done({error: String(e)}))"
        )
        assert "error" not in answer, answer
        return [
            f"{one['impact']} {one['id']}: {node['target']}"
            for one in answer["violations"]
            if one["impact"] in ("serious", "critical")
            for node in one["nodes"][:3]
        ]


_FOCUS_SHOWN = """
const style = getComputedStyle(document.activeElement);
return document.activeElement.matches(':focus-visible') && style.outlineStyle !== 'none' && parseFloat(style.outlineWidth) > 0;
"""
_FETCHED = """
const [address, done] = arguments;
fetch(address).then(r => r.arrayBuffer()).then(b => done(btoa(String.fromCharCode(...new Uint8Array(b).subarray(0, 1000)))))
"""
_WIDEST = """
return [...document.body.querySelectorAll('*')].filter(e => e.getBoundingClientRect().right > innerWidth + 1).slice(0, 4)
  .map(e => e.tagName + '.' + e.className)
"""
