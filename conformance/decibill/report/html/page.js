"use strict";
// Filters, folding and deep links. The page holds everything without this script.
(() => {
  const form = document.querySelector(".filters");
  const cases = [...document.querySelectorAll("#cases .case")];
  const groups = [...document.querySelectorAll("#cases .cases-of, #cases .rest")];
  const words = new Map();
  const said = form.querySelector("output");
  const names = ["outcome", "provider", "feature", "level", "cause", "text"];

  const text = (each) => {
    if (!words.has(each)) {
      const head = each.querySelector(":scope > summary") ?? each;
      words.set(each, head.textContent.toLowerCase());
    }
    return words.get(each);
  };
  const chosen = () => Object.fromEntries(names.map((name) => [name, form.elements[name].value.trim()]));
  const fits = (each, wanted) =>
    names.every((name) => {
      if (!wanted[name]) return true;
      if (name === "text") return text(each).includes(wanted.text.toLowerCase());
      return (each.dataset[name] ?? "").split(" ").includes(wanted[name]);
    });

  const apply = () => {
    const wanted = chosen();
    let shown = 0;
    for (const each of cases) {
      each.hidden = !fits(each, wanted);
      shown += !each.hidden;
    }
    for (const group of groups) group.hidden = !group.querySelector(".case:not([hidden])");
    const isFiltered = names.some((name) => wanted[name]);
    for (const rest of document.querySelectorAll("#cases .rest")) rest.open = isFiltered && wanted.outcome === "not_declared";
    said.value = isFiltered ? `${shown} of ${cases.length} cases` : `${cases.length} cases`;
    return wanted;
  };
  const remember = () => {
    const wanted = Object.entries(apply()).filter(([, value]) => value);
    const hash = wanted.length ? `#${new URLSearchParams(wanted)}` : "#cases";
    history.replaceState(null, "", hash);
  };
  const reveal = () => {
    const name = decodeURIComponent(location.hash.slice(1));
    if (name.includes("=")) {
      form.reset();
      for (const [key, value] of new URLSearchParams(name)) if (names.includes(key)) form.elements[key].value = value;
      apply();
      document.getElementById("cases").scrollIntoView();
      return;
    }
    const target = name && document.getElementById(name);
    if (!target) return;
    if (target.closest(".case[hidden], .cases-of[hidden], .rest[hidden]")) {
      form.reset();
      apply();
    }
    for (let each = target.closest("details"); each; each = each.parentElement.closest("details")) each.open = true;
    const place = target.classList.contains("body") ? target.parentElement : target;
    place.scrollIntoView();
    const head = target.classList.contains("body") ? place.querySelector("summary") : null;
    head?.focus({ preventScroll: true });
  };

  form.hidden = false;
  form.addEventListener("submit", (event) => event.preventDefault());
  form.addEventListener("input", remember);
  form.addEventListener("reset", () => setTimeout(remember));
  document.addEventListener("click", (event) => {
    const button = event.target.closest("button[data-fold], button[data-filter]");
    if (button?.dataset.filter) location.hash = button.dataset.filter;
    if (button?.dataset.fold)
      for (const each of cases) if (each.tagName === "DETAILS" && !each.hidden) each.open = button.dataset.fold === "open";
  });
  addEventListener("hashchange", reveal);
  for (const button of document.querySelectorAll("button[data-filter]")) button.hidden = false;
  apply();
  reveal();
})();
