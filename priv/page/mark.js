// What is laid over a picture: a word, with a shadow, so that it is seen on every picture.

const WIDTH = 236;
const HEIGHT = 52;
let mark = null;

export function draw() {
  mark ||= new Promise((resolve) => {
    const canvas = document.createElement("canvas");
    canvas.width = WIDTH;
    canvas.height = HEIGHT;
    const context = canvas.getContext("2d");
    context.font = "600 34px system-ui, sans-serif";
    context.textAlign = "center";
    context.textBaseline = "middle";
    context.shadowColor = "rgb(0 0 0 / .55)";
    context.shadowBlur = 8;
    context.fillStyle = "#fff";
    context.fillText("Thumbelina", WIDTH / 2, HEIGHT / 2, WIDTH - 16);
    canvas.toBlob((blob) => resolve(new File([blob], "mark.png", { type: blob.type })));
  });

  return mark;
}
