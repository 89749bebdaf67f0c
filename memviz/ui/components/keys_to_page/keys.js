// The focus goes from a switch on to the heading of what the page is about: its shortcuts work from there.

export default function () {
  const heading = document.querySelector("[data-testid=stMain] h2");
  if (!heading || !document.activeElement?.matches("[data-testid=stCheckbox] input")) return;
  heading.tabIndex = -1;
  heading.style.outline = "none"; // it is no control
  heading.focus({ preventScroll: true });
}
