/* Draws every figure of the page in the ink of the page, and again when the theme changes. */
const ink = () => getComputedStyle(document.body).color;

for (const figure of document.querySelectorAll("figure")) {
  const { data, layout } = JSON.parse(figure.querySelector("script").textContent);
  const font = { ...layout.font, family: getComputedStyle(document.body).fontFamily, color: ink() };
  Plotly.newPlot(figure.querySelector(".picture"), data, { ...layout, font }, { displaylogo: false });
}

matchMedia("(prefers-color-scheme: dark)").addEventListener("change", () => {
  for (const picture of document.querySelectorAll(".picture")) Plotly.relayout(picture, { "font.color": ink() });
});
