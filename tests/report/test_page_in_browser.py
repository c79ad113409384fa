"""The page of an audit in a browser: by mouse and keyboard, at a desk, on a phone and printed."""

import collections

import browser as browsers
import pytest

from bg_interp.evaluation.measures import VARIANTS

pytestmark = [
    pytest.mark.slow,
    pytest.mark.skipif(not browsers.AVAILABLE, reason="needs chromium and chromedriver"),
]
_OPEN = "return document.getElementById('large').open"
_TITLE = "return document.querySelector('#large p').textContent"
_FIRST = "document.querySelector('#worst button').click()"
_SHOWN = "return [...document.querySelectorAll('#worst > figure')].filter(one => !one.hidden)"
_ESCAPE, _LEFT, _RIGHT = "\ue00c", "\ue012", "\ue014"
# A4 without its margins, at 96 dots an inch.
_PAPER = 718
# What ends right of the page, and nothing scrolls to.
_CUT = """return [...document.querySelectorAll('td, th, pre, figcaption, h1, h2, p, svg, img')]
  .filter(one => one.getBoundingClientRect().right > document.documentElement.clientWidth + 1)
  .map(one => one.outerHTML.slice(0, 80))"""


@pytest.fixture(scope="module")
def window(tmp_path_factory):
    with browsers.opened(tmp_path_factory.mktemp("browser"), 1440, 900) as made:
        yield made


@pytest.fixture
def browser(window, written):
    """The page at a desk, with nothing emulated of the test before."""
    window.devtools("Emulation.clearDeviceMetricsOverride")
    window.devtools("Emulation.setEmulatedMedia", media="", features=[])
    window.open((written / "report.html").as_uri())
    window.log()
    yield window
    assert window.log() == []


def _sized(browser, width, height, **more):
    browser.devtools(
        "Emulation.setDeviceMetricsOverride",
        **{"width": width, "height": height, "deviceScaleFactor": 1, "mobile": False, **more},
    )


@pytest.mark.parametrize(("width", "height"), [(1440, 800), (390, 844)])
def test_the_dialog_fits_the_window_with_its_button(browser, width, height):
    _sized(browser, width, height)
    browser.run(_FIRST)
    box = browser.run("""const box = document.getElementById('large').getBoundingClientRect();
      const close = document.querySelector('#large button').getBoundingClientRect();
      return [box.top >= 0, box.bottom <= innerHeight, box.left >= 0, box.right <= innerWidth,
        close.bottom <= innerHeight && close.top >= 0]""")
    assert box == [True] * 5


def test_all_variants_and_maps_are_seen_on_a_laptop_without_scrolling(browser):
    _sized(browser, 1440, 800)
    browser.run(_FIRST)
    seen = browser.run("""const edge = document.getElementById('large').getBoundingClientRect();
      return [...document.querySelectorAll('#large .strip img')].map(one =>
        one.getBoundingClientRect().bottom <= edge.bottom && one.naturalWidth > 0)""")
    assert seen == [True] * (len(VARIANTS) + 2)


def test_the_dialog_shows_where_the_model_looks(browser):
    browser.run(_FIRST)
    maps = browser.run("""return [...document.querySelectorAll('#large .strip img.map')]
      .map(one => one.alt)""")
    assert [one.split(" ")[0] for one in maps] == ["looks", "on"]


def test_arrow_keys_go_through_the_images_and_escape_closes(browser):
    browser.run(_FIRST)
    first = browser.run(_TITLE)
    browser.press(_RIGHT)
    assert browser.run(_TITLE) != first
    browser.press(_LEFT)
    assert browser.run(_TITLE) == first
    browser.press(_ESCAPE)
    assert not browser.run(_OPEN)


def test_a_click_beside_the_dialog_closes_it_and_one_within_does_not(browser):
    browser.run(_FIRST)
    for x, y, still_open in ((720, 300, True), (20, 20, False)):
        for kind in ("mousePressed", "mouseReleased"):
            browser.devtools(
                "Input.dispatchMouseEvent", type=kind, x=x, y=y, button="left", clickCount=1
            )
        assert browser.run(_OPEN) == still_open


def test_right_and_wrong_are_told_by_signs(browser):
    browser.run(_FIRST)
    told = browser.run("""return [...document.querySelectorAll('#large .strip figure')]
      .map(one => [one.firstElementChild.className, one.textContent[0]])""")
    signs = {"right": "✓", "wrong": "✗"}
    assert all(sign == signs[kind] for kind, sign in told if kind != "map")
    assert {kind for kind, _ in told} == {"right", "wrong", "map"}


def test_thumbnails_say_what_becomes_of_which_class_on_what_background(browser):
    text = browser.run("return document.querySelector('#worst figcaption').innerText")
    assert " → " in text and "background of " in text and "\u2212" in text


def test_a_cell_opens_its_images_and_says_how_many_answers_it_has(browser):
    figures = len(browser.run(_SHOWN))
    cell = browser.run("""const cell = document.querySelector('.cells button.shown');
      cell.click(); return [cell.dataset.class, cell.dataset.background, cell.textContent]""")
    some = browser.run(_SHOWN + ".map(one => [one.dataset.class, one.dataset.background])")
    assert 0 < len(some) < figures and all(one == cell[:2] for one in some)
    assert int(cell[2].split()[-1]) > 0


def test_a_cell_of_a_place_opens_its_images_as_well(browser, with_places):
    browser.open(with_places.as_uri())
    cell, shown = browser.run(f"""const cell = document.querySelector('.cells button.shown');
      cell.click(); const shown = (() => {{ {_SHOWN} }})();
      return [[cell.dataset.class, cell.dataset.background],
        shown.map(one => [one.dataset.class, one.dataset.background])]""")
    assert cell[1] in ("land", "water") and shown and all(one == cell for one in shown)


@pytest.mark.parametrize("name", ["class", "background", "mask"])
def test_images_are_filtered(browser, name):
    script = f"""const select = document.querySelector('[data-filter={name}]');
      select.value = select.options[1].value; select.dispatchEvent(new Event('change'));
      return [select.value, [...document.querySelectorAll('#worst > figure')]
        .filter(one => !one.hidden).map(one => one.dataset.{name})]"""
    value, shown = browser.run(script)
    assert shown and set(shown) == {value}


def test_the_dialog_passes_over_images_that_a_filter_hides(browser):
    browser.run("""const select = document.querySelector('[data-filter=class]');
      select.value = select.options[1].value; select.dispatchEvent(new Event('change'));""")
    shown = browser.run(_SHOWN + ".map(one => one.querySelector('img').title)")
    browser.run(
        "[...document.querySelectorAll('#worst > figure')].find(one => !one.hidden)"
        ".querySelector('button').click()"
    )
    seen = set()
    for _ in range(len(shown)):
        seen.add(browser.run(_TITLE).partition(": ")[2])
        browser.press(_RIGHT)
    assert seen == set(shown)


def test_tables_are_sorted_by_a_click_and_by_enter(browser):
    column = "[...table.tBodies[0].rows].map(row => row.cells[1].innerText)"
    first, second = browser.run(f"""const table = document.getElementById('beside');
      const head = table.tHead.rows[0].cells[1];
      head.click(); const up = {column};
      head.dispatchEvent(new KeyboardEvent('keydown', {{key: 'Enter'}}));
      return [up, {column}]""")
    values = [float(one.split()[0]) for one in first]
    assert values == sorted(values) and first != second
    assert [float(one.split()[0]) for one in second] == values[::-1]


def test_changes_are_sorted_by_their_numbers_whatever_sign_stands_before(browser):
    changes = browser.run("""const table = document.getElementById('beside');
      table.tHead.rows[0].cells[3].click();
      return [...table.tBodies[0].rows].map(row => row.cells[3].innerText)""")
    assert {one[0] for one in changes} >= {"✓", "✗"}
    values = [float(one.strip("✓✗ ").split()[0]) for one in changes]
    assert values == sorted(values)


def test_no_class_has_more_than_a_third_of_the_images_that_show_it(browser):
    classes = browser.run(_SHOWN + ".map(one => one.dataset.class)")
    most = int(browser.run("return document.body.innerText.match(/at most (\\d+) of a class/)[1]"))
    counts = collections.Counter(classes)
    assert len(counts) == 3 and max(counts.values()) <= most and 3 * most <= 24


def test_each_background_says_which_class_it_pulls_towards(browser):
    rows = browser.run("""return [...document.querySelectorAll('h3')]
      .find(one => one.innerText.includes('pulls towards')).nextElementSibling
      .querySelectorAll('tbody tr').values().map(row => [row.cells[0].innerText,
        Number(row.cells[1].innerText), row.cells[4].innerText]).toArray()""")
    assert [name for name, _, towards in rows if name == towards] == [name for name, _, _ in rows]
    assert sum(count for _, count, _ in rows) == 58


def test_an_earlier_audit_stands_beside(browser):
    text = browser.run("return document.getElementById('beside').closest('section').innerText")
    assert "earlier.keras" in text and "the 58 images that both have" in text
    row = browser.run("""return [...document.querySelectorAll('#beside tbody tr')].find(
      row => row.cells[0].innerText === 'swap').innerText""")
    assert "✗ -" in row


def test_each_mask_has_a_verdict(browser):
    told = browser.run("""return [...document.querySelectorAll('.masks figure')]
      .map(one => [one.querySelector('.badge').textContent, one.querySelector('img').title])""")
    verdicts = [verdict.split(" ")[1] for verdict, _ in told]
    assert verdicts[:2] == ["unsure", "empty"] and {*verdicts[2:]} == {"ok", "suspect"}
    assert all("left out" in title for _, title in told[:2])


def test_files_beside_the_page_are_linked(browser, written):
    links = browser.run("return [...document.links].map(one => one.getAttribute('href'))")
    assert {"results.json", "images.csv", "model_card.md"} <= set(links)
    assert all((written / link).exists() for link in links)


def test_what_to_do_next_comes_with_commands(browser):
    steps = browser.run("""return [...document.querySelectorAll('.next li')]
      .map(one => one.querySelector('pre')?.textContent ?? '')""")
    assert len(steps) > 2 and any(steps)


@pytest.mark.parametrize("scheme", ["light", "dark"])
def test_text_can_be_read_on_its_ground(browser, scheme):
    features = [{"name": "prefers-color-scheme", "value": scheme}]
    browser.devtools("Emulation.setEmulatedMedia", media="", features=features)
    ink, paper = browser.run("""const light = colour => { const [r, g, b] =
        colour.match(/[0-9.]+/g).map(one => (one / 255) ** 2.2);
        return .2126 * r + .7152 * g + .0722 * b; };
      const style = getComputedStyle(document.body);
      return [light(style.color), light(style.backgroundColor)]""")
    assert (max(ink, paper) + 0.05) / (min(ink, paper) + 0.05) > 7
    assert (paper > 0.5) == (scheme == "light")


def test_nothing_is_cut_on_paper(browser):
    _sized(browser, _PAPER, 1000)
    browser.devtools("Emulation.setEmulatedMedia", media="print", features=[])
    assert browser.run(_CUT) == []
    # Nobody can choose on paper.
    assert (
        browser.run("return getComputedStyle(document.querySelector('.filter')).display") == "none"
    )


def test_the_page_does_not_scroll_sideways_on_a_phone(browser):
    _sized(browser, 390, 844, mobile=True)
    assert browser.run("return document.documentElement.scrollWidth <= innerWidth")


def test_the_page_may_ask_no_network(browser):
    browser.run("""window.refused = []; document.addEventListener('securitypolicyviolation',
        event => window.refused.push(event.blockedURI));
      new Image().src = 'http://127.0.0.1:9/nothing.png'""")
    assert "127.0.0.1" in str(browser.wait("return window.refused.length && window.refused"))
    browser.log()
