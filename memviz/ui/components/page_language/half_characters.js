// Half a character (a lone surrogate) cannot be sent: Streamlit drops the connection over it, and the text would never
// be read. It becomes the sign for what could not be read, in the box itself, before anyone takes the text from there.

function mendHalfCharacters() {
  if (document.documentElement.dataset.memvizMends) return;
  document.documentElement.dataset.memvizMends = "true";
  document.addEventListener("input", mend, true);
}

function mend({ target }) {
  const kind = [HTMLTextAreaElement, HTMLInputElement].find((type) => target instanceof type);
  if (!kind) return;
  const whole = target.value.replace(/\p{Surrogate}/gu, "\ufffd");
  if (whole !== target.value) Object.getOwnPropertyDescriptor(kind.prototype, "value").set.call(target, whole);
}
