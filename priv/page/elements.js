// Elements of the page.

export function byId(id) {
  return document.getElementById(id);
}

export function element(name, attributes = {}, ...children) {
  return filled(document.createElement(name), attributes, children);
}

export function drawn(name, attributes = {}, ...children) {
  return filled(document.createElementNS("http://www.w3.org/2000/svg", name), attributes, children);
}

function filled(node, attributes, children) {
  for (const [name, value] of Object.entries(attributes)) node.setAttribute(name, value);
  node.append(...children);
  return node;
}

// Pairs of a term and what it is, which may be nodes.
export function list(dl, pairs) {
  dl.replaceChildren(
    ...pairs.map(([term, value]) =>
      element("div", {}, element("dt", {}, term), element("dd", {}, value))),
  );
}

// Shows a picture that came as a blob. Fails if the browser does not know its format, or if the
// next one is shown meanwhile.
export async function show(image, blob) {
  const url = URL.createObjectURL(blob);

  try {
    image.src = url;
    await image.decode();
  } catch {
    throw new Error("The browser does not show this format.");
  } finally {
    URL.revokeObjectURL(url);
  }
}
