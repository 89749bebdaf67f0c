// Sets the language of the page for screen readers, fonts and hyphenation.
// data: { language: "en" | "zh" }

export default function ({ data }) {
  mendHalfCharacters();
  followFullScreen();
  document.documentElement.lang = data.language === "zh" ? "zh-Hans" : data.language;
}
