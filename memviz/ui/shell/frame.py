"""The frame around every page: language, model, and the text that is being read."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from pathlib import Path

import streamlit as st

from memviz.models import CATALOGUE, Hub, Offer, Policy, entry_of, offers, trained
from memviz.models import names as catalogue_names
from memviz.models.entry import Family
from memviz.trace import Trace
from memviz.ui.components import chart_keys, page_language
from memviz.ui.shell import address, navigation, runs, state
from memviz.ui.shell.i18n import KEY, LANGUAGES, browser_language, language, t
from memviz.ui.shell.markdown import literal
from memviz.ui.shell.navigation import Page
from memviz.ui.shell.samples import Sample, is_second_text, samples, two_texts

TEXT, PAIR, OTHER, MODEL = "text", "pair", "other", "model"
TRANSLATOR = "translator"  # the model of the page Translate, which the other pages' model may not be
WRITER = "writer"  # the same of the page Generate
SENSES = {"speech": "listener", "vision": "viewer"}  # the same of the pages Listen and Look
SENSE_FAMILIES: tuple[Family, ...] = ("speech", "vision")
LANGUAGE_MODELS = {
    ("zh", MODEL): "e5-multilingual",
    ("zh", SENSES["speech"]): "whisper-base",
}
"""With a page in this language, the model that reads it, or hears it, by the name of the choice."""
OTHER_KIND = "of another kind"  # (name of the choice, model): what a link asked for, that a page cannot use
LAST_LANGUAGE = "language_of_model"
BEGUN, SAMPLE, TYPED = "begun", "sample", "typed"  # how a text came into its box: by itself, by a button, by hand
LAST_SEEN = "carried"  # (page, text, second sentence) as they were last seen


STYLE = Path(__file__).parent / "frame.css"
ICON = Path(__file__).parents[1] / "icon.png"
"""The mark of MemViz."""


def choose_language() -> None:
    """The language, for all pages."""
    st.html(STYLE)
    with st.sidebar:
        st.segmented_control(
            t("Language"),
            list(LANGUAGES),
            format_func=lambda code: LANGUAGES[code],
            required=True,
            **state.url_bound(KEY, LANGUAGES, default=browser_language()),
        )
        page_language(language())
        chart_keys(t("Arrow keys walk from cell to cell."))


def choose_model(page: Page) -> None:
    """The model: one that translates or writes where the ``page`` needs it, or any; first the one that it names."""
    family: Family | None = page.sense or None
    if family is None:
        family = "encoder-decoder" if page.translates else "decoder-only" if page.writes else None
    names = _model_names(family)
    if not names or not page.chooses:
        return
    free = Policy.server().allowed is None and not page.sense
    example = "Helsinki-NLP/opus-mt-en-de" if page.translates else "openai-community/gpt2"
    label = t("Translation model") if page.translates else t("Language model") if page.writes else t("Model")
    key = _box_of(page)
    on_offer = {offer.name: offer for offer in offers(names, policy=Policy.server())}
    if key == MODEL:
        _keep_model()
    if page.sense:
        _notice_other_kind(key, names)
    with st.sidebar:
        name = st.selectbox(
            label,
            list(on_offer),
            accept_new_options=free,
            format_func=lambda name: _offer_label(name, on_offer.get(name)),
            help=None
            if page.sense
            else t("Choose a model, or type the id of a model on the Hugging Face hub, such as {id}.", id=example),
            **state.url_bound(key, names, default=_usual_model(page, on_offer), others=free),
        )
        if not all(offer.here for offer in on_offer.values()):
            st.caption(t("Those on this machine come first; the others say what they would download."))
        entry = CATALOGUE.get(name or "")
        if entry is not None and entry.note:
            st.caption(t(entry.note))


def _usual_model(page: Page, on_offer: Mapping[str, Offer]) -> str | None:
    """The model that a page begins with where nobody chose one; ``None``: the first ``on_offer``."""
    if page.model in on_offer:
        return page.model
    name = LANGUAGE_MODELS.get((language(), _box_of(page)), "")
    return name if name in on_offer and on_offer[name].here else None


def _notice_other_kind(key: str, names: Sequence[str]) -> None:
    """Remembers that the address asks for a model that this page cannot use, until somebody chooses one that it can."""
    asked = address.get(key)
    if asked and asked not in names:
        st.session_state[OTHER_KIND] = (key, asked, None)
    elif (noticed := st.session_state.get(OTHER_KIND)) and noticed[0] == key:
        chosen = st.session_state.get(key)
        if noticed[2] is None:
            st.session_state[OTHER_KIND] = (*noticed[:2], chosen)
        elif chosen != noticed[2]:
            del st.session_state[OTHER_KIND]


def tell_other_kind(family: Family) -> None:
    """Where a link asked for a model that this page cannot use: which one, what is used instead, and what can be."""
    noticed = st.session_state.get(OTHER_KIND)
    if not noticed or noticed[0] != SENSES[family]:
        return
    titles = [CATALOGUE[name].title for name in _model_names(family)]
    text = (
        "{asked} is no model that hears. {used} listens instead; to choose from, on the left: {titles}."
        if family == "speech"
        else "{asked} is no model that sees. {used} looks instead; to choose from, on the left: {titles}."
    )
    st.warning(
        t(
            text,
            asked=literal(noticed[1]),
            used=literal(CATALOGUE[sense_name(family)].title),
            titles=literal(t("; ").join(titles)),
        ),
        icon=":material/swap_horiz:",
    )


def _keep_model() -> None:
    """A text that somebody typed or chose is read by the same model when only the language of the page changes."""
    before = st.session_state.get(LAST_LANGUAGE, language())
    if before != language() and st.session_state.get(address.ORIGIN) != BEGUN:
        state.hold(MODEL)
    st.session_state[LAST_LANGUAGE] = language()


def offer_language_model(family: Family | None = None) -> None:
    """Where the model that reads the language of the page is not on this machine: what it would download, and a button.

    Meanwhile another model is open. Nothing where somebody chose that one. ``family``: "speech" for one that hears it.
    """
    box = MODEL if family is None else SENSES[family]
    name = LANGUAGE_MODELS.get((language(), box), "")
    chosen = model_name() if family is None else sense_name(family)
    if name not in _model_names(family) or chosen != st.session_state.get(f"usual {box}"):
        return
    (offer,) = offers([name], policy=Policy.server())
    if offer.here or offer.obstacle:
        return
    row = st.container(horizontal=True, vertical_alignment="center")
    text = (
        "For texts in this language there is {title}. It is not on this machine yet: {size:.2f} GB to download."
        if family is None
        else "For speech in this language there is {title}. It is not on this machine yet: {size:.2f} GB to download."
    )
    row.info(t(text, title=literal(CATALOGUE[name].title), size=offer.size / 1e9), icon=":material/download:")
    row.button(t("Fetch it"), key="fetch_language_model", on_click=_choose_model, args=(box, name))


def _choose_model(box: str, name: str) -> None:
    st.session_state[box] = name
    state.hold(box)


def _box_of(page: Page) -> str:
    """Under which name is the model of this page chosen? Pages that need the same kind of model share it."""
    return TRANSLATOR if page.translates else WRITER if page.writes else SENSES.get(page.sense, MODEL)


def _offer_label(name: str, offer: Offer | None) -> str:
    """A model in the list: its title; where it is not on this machine, its size, or why it cannot be had."""
    title = CATALOGUE[name].title if name in CATALOGUE else name
    if offer is None or offer.here:
        return title
    size = f"{offer.size / 1e9:.2f}"
    if offer.obstacle == "too large":
        return t("{title} · cannot be had: {size} GB, more than this server downloads", title=title, size=size)
    if offer.obstacle:
        return t("{title} · cannot be had now: the model hub does not answer", title=title)
    if not offer.size:
        return t("{title} · to download", title=title)
    return t("{title} · to download, {size} GB", title=title, size=size)


def _model_names(family: Family | None = None) -> tuple[str, ...]:
    """The models to choose from: the catalogue, or what the operator allows, in that order.

    Of a ``family`` only those, and those of which it is not known; none that hears or sees where that is not asked for.
    """
    policy = Policy.server()
    listed = catalogue_names(policy=policy)
    ids = {entry.source.id for entry in CATALOGUE.values() if isinstance(entry.source, Hub)}
    names = listed + tuple(name for name in policy.allowed or () if name not in {*listed, *ids})
    if family in SENSES:
        return tuple(name for name in listed if is_of(name, family))
    names = tuple(name for name in names if not any(is_of(name, sense) for sense in SENSE_FAMILIES))
    if family != "encoder-decoder":
        names += trained.names()
    return tuple(name for name in names if family is None or name not in CATALOGUE or is_of(name, family))


def is_of(name: str, family: Family) -> bool:
    """Is this known to be a model of the ``family``?"""
    entry = entry_of(name)
    return entry is not None and entry.family == family


def model_names() -> tuple[str, ...]:
    """The models on offer that read texts."""
    return _model_names()


def model_name() -> str:
    """The name of the model that was chosen; the first on offer when the box was emptied."""
    return st.session_state.get(MODEL) or _model_names()[0]


def translator_name() -> str:
    """The name of the model that translates. Stops the page where this server has none."""
    names = translator_names()
    if not names:
        st.info(t("No model on this server translates."), icon=":material/translate:")
        address.end_page()
    return st.session_state.get(TRANSLATOR) or names[0]


def translator_names() -> tuple[str, ...]:
    """The models on offer that translate, and those of which it is not known."""
    return _model_names("encoder-decoder")


def writer_name() -> str:
    """The name of the model that continues texts. Stops the page where this server has none."""
    names = writer_names()
    if not names:
        st.info(t("No model on this server writes."), icon=":material/edit_note:")
        address.end_page()
    return st.session_state.get(WRITER) or names[0]


def sense_name(family: Family) -> str:
    """The name of the model that hears ("speech") or sees ("vision"). Stops the page where this server has none."""
    names = _model_names(family)
    if not names:
        st.info(t("This server offers no model for this page."), icon=":material/info:")
        address.end_page()
    return st.session_state.get(SENSES[family]) or names[0]


def writer_names() -> tuple[str, ...]:
    """The models on offer that continue texts, and those of which it is not known."""
    return _model_names("decoder-only")


def read_text(*, in_front: bool = False, growing: bool = False) -> Trace:
    """The reading of the text that was pasted; stops the page with a message when there is none.

    ``in_front``: the text box stands open on the page; elsewhere it is folded away. ``growing``: the heads are drawn
    as they are read.
    """
    place = st.container() if in_front else st.expander(t("Text"), icon=":material/edit:")
    with place:
        offer_language_model()
        choose_text(samples(model_name()))
    pair = st.session_state.get(PAIR) or None
    return runs.read(model_name(), st.session_state.get(TEXT, ""), pair, growing=growing)


def read_two_texts() -> tuple[Trace, Trace]:
    """The readings of two texts, each by itself; stops the page with a message when there is none."""
    offer_language_model()
    texts = two_texts(model_name())
    first, second = st.columns(2, gap="large")
    with first:
        text = choose_text(texts, second=False)
    if OTHER not in st.session_state:
        st.session_state[OTHER] = address.get(OTHER) or texts[1].text
    elif st.session_state.get(address.ORIGIN) == BEGUN and is_second_text(st.session_state[OTHER]):
        st.session_state[OTHER] = texts[1].text  # nobody chose it: it suits the model
    if address.get(OTHER) not in (None, st.session_state[OTHER]):  # another text is read now
        address.put(OTHER, "")
    with second:
        st.text_area(
            t("Another text"), key=OTHER, height=92, placeholder=t("Paste a text here"), persist_state="session"
        )
    return runs.read(model_name(), text, None), runs.read(model_name(), st.session_state[OTHER], None)


def choose_text(texts: Sequence[Sample], *, second: bool = True, button: bool = True) -> str:
    """The text box with its samples, and its text; the first sample is there to begin with.

    ``second``: a second sentence may be given too. ``button``: one stands below that reads the text.
    """
    _carry_over()  # first: what was carried here has begun
    _begin(texts[0])
    _suit(texts)
    st.text_area(
        t("Your text"),
        key=TEXT,
        on_change=_mark_typed,
        height=92,
        placeholder=t("Paste a text here"),
        help=t("Press Ctrl+Enter to read it. The text stays on the machine that runs MemViz."),
        persist_state="session",
    )
    row = st.container(horizontal=True, vertical_alignment="center", gap="small")
    if button:
        row.button(t("Read"), key="read", help=t("Reads the text: the same as Ctrl+Enter."))
    row.markdown(t("Examples:"), width="content")
    for number, sample in enumerate(texts):
        tip = t(sample.hint) if sample.hint else None
        row.button(t(sample.name), key=f"sample_{number}", help=tip, on_click=_take, args=(sample,))
    if second:
        with row.popover(t("Second sentence"), type="tertiary", help=t("For models that read sentence pairs.")):
            st.caption(
                t(
                    "The model reads both as one text, with its separator between them where it has one (BERT: "
                    "[SEP]). The words of each can look at those of the other; in a model that reads from left to "
                    "right, only those of the second at those of the first. To read two texts apart, use the page "
                    "Compare."
                )
            )
            st.text_input(t("Second sentence"), key=PAIR, on_change=_mark_typed, persist_state="session")
    _point_out(texts)
    st.session_state[LAST_SEEN] = st.context.url, st.session_state[TEXT], st.session_state.get(PAIR, "")
    return st.session_state[TEXT]


def _point_out(texts: Sequence[Sample]) -> None:
    """What there is to see in the sample that stands in the box."""
    boxes = st.session_state[TEXT], st.session_state.get(PAIR, "") or ""
    for sample in texts:
        if sample.hint and (sample.text, sample.pair or "") == boxes:
            st.caption(t(sample.hint))


def _carry_over() -> None:
    """Puts the text of the page before into the boxes of this one: a box that moves along may come up empty."""
    page, text, pair = st.session_state.get(LAST_SEEN, (st.context.url, "", ""))
    if page != st.context.url:
        st.session_state[TEXT], st.session_state[PAIR] = text, pair


def carry(text: str, model: str | None = None, *, box: str = MODEL) -> None:
    """The next page begins with this text, whichever it would begin with by itself.

    It is read by this ``model``, or by that of the pages that read. ``box``: of which pages it is the model.
    """
    st.session_state[LAST_SEEN] = "", text, ""  # from no page: it is taken over on the next
    st.session_state[address.ORIGIN] = TYPED
    for name in (TEXT, PAIR):
        address.put(name, "")
    if model is not None:
        st.session_state[box] = model
    address.put(box, model or model_name())
    state.hold(box)


def _begin(sample: Sample) -> None:
    parameter = address.get(TEXT)
    if parameter and TEXT not in st.session_state:
        st.session_state[TEXT], st.session_state[PAIR] = parameter, address.get(PAIR) or ""
    if TEXT not in st.session_state:
        _take(sample, origin=BEGUN)
    if any(address.get(name) not in (None, st.session_state.get(name)) for name in (TEXT, PAIR)):
        for name in (TEXT, PAIR):  # another text is read now: the address must not keep the old one
            address.put(name, "")


def _suit(texts: Sequence[Sample]) -> None:
    """A text that nobody chose gives way to the first sample of this page and model."""
    is_begun = st.session_state.get(address.ORIGIN) == BEGUN
    if is_begun and st.session_state[TEXT] not in [sample.text for sample in texts]:
        _take(texts[0], origin=BEGUN)


def _take(sample: Sample, origin: str = SAMPLE) -> None:
    st.session_state[TEXT], st.session_state[PAIR] = sample.text, sample.pair or ""
    st.session_state[address.ORIGIN] = origin


def _mark_typed() -> None:
    st.session_state[address.ORIGIN] = TYPED


def open_with(page: Page, *, model: str, text: str, settings: Mapping[str, str]) -> None:
    """Leaves this page for another, with that ``model`` and ``text``; ``settings``: choices as the address has them."""
    carry_with(page, model=model, text=text, settings=settings)
    navigation.open_page(page.path)


def carry_with(page: Page, *, model: str, text: str, settings: Mapping[str, str]) -> None:
    """Makes that page begin so; on a page with a model of its own, called by a button before the page is drawn."""
    carry(text, model, box=_box_of(page))
    choose(settings)


def choose(settings: Mapping[str, str]) -> None:
    """The next page begins with these choices, as the address has them."""
    for name, value in settings.items():
        st.session_state.pop(name, None)
        address.put(name, value)


def is_sample() -> bool:
    """Is the text a sample that the page or a button put there? A text that was typed is none, whatever it says."""
    return st.session_state.get(address.ORIGIN) in (BEGUN, SAMPLE)
