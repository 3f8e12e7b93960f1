// How a picture gets here: chosen, dropped, pasted, or drawn.

import { byId } from "./elements.js";
import { draw } from "./sample.js";

export function choose(take) {
  const file = byId("file");

  file.addEventListener("change", () => {
    if (file.files.length) take(file.files[0]);
    // The same one can be chosen again.
    file.value = "";
  });

  byId("sample").addEventListener("click", async () => take(await draw()));

  document.addEventListener("paste", (event) => {
    const pasted = first(event.clipboardData);
    if (pasted) take(pasted);
  });

  drop(byId("well"), take);
}

// Anywhere on the page. Otherwise the browser would leave it, and show the file.
function drop(well, take) {
  let depth = 0;
  const over = (change) => {
    depth = Math.max(0, depth + change);
    well.classList.toggle("over", depth > 0);
  };

  document.addEventListener("dragenter", () => over(1));
  document.addEventListener("dragleave", () => over(-1));
  document.addEventListener("dragover", (event) => event.preventDefault());

  document.addEventListener("drop", (event) => {
    event.preventDefault();
    over(-depth);
    const dropped = first(event.dataTransfer);
    if (dropped) take(dropped);
  });
}

function first(transfer) {
  return transfer?.files?.[0];
}
