// A picture for those who have none at hand: a tulip in front of hills.

const WIDTH = 2400;
const HEIGHT = 1600;

export function draw() {
  const canvas = document.createElement("canvas");
  canvas.width = WIDTH;
  canvas.height = HEIGHT;
  const context = canvas.getContext("2d");
  const random = generator(7);
  sky(context);
  for (const hill of HILLS) ridge(context, hill, random);
  grass(context, random);
  tulip(context, 1690, 820, 1.25);

  return new Promise((resolve) => {
    canvas.toBlob((blob) => resolve(new File([blob], "tulip.jpg", { type: blob.type })),
      "image/jpeg", 0.93);
  });
}

// The same each time.
function generator(seed) {
  let state = seed;
  return () => {
    state = (state * 48271) % 2147483647;
    return state / 2147483647;
  };
}

function sky(context) {
  const gradient = context.createLinearGradient(0, 0, 0, HEIGHT * 0.7);
  gradient.addColorStop(0, "#7fb2d6");
  gradient.addColorStop(0.6, "#d9e4dc");
  gradient.addColorStop(1, "#f7dfbf");
  context.fillStyle = gradient;
  context.fillRect(0, 0, WIDTH, HEIGHT);

  const sun = context.createRadialGradient(620, 560, 20, 620, 560, 420);
  sun.addColorStop(0, "rgb(255 246 220 / 1)");
  sun.addColorStop(0.2, "rgb(255 240 205 / .8)");
  sun.addColorStop(1, "rgb(255 236 200 / 0)");
  context.fillStyle = sun;
  context.fillRect(0, 0, WIDTH, HEIGHT);
}

const HILLS = [
  { top: 760, height: 150, wave: 900, color: "#9db8b4" },
  { top: 880, height: 120, wave: 640, color: "#7ba396" },
  { top: 1000, height: 90, wave: 780, color: "#558871" },
  { top: 1140, height: 60, wave: 1100, color: "#346b52" },
];

function ridge(context, { top, height, wave, color }, random) {
  const shift = random() * wave;
  context.beginPath();
  context.moveTo(0, HEIGHT);

  for (let x = 0; x <= WIDTH; x += 6) {
    const slow = Math.sin((x + shift) / wave * 2 * Math.PI);
    const fast = Math.sin((x + shift) / wave * 7.3) * 0.16;
    context.lineTo(x, top - (slow + fast) * height + random() * 5);
  }

  context.lineTo(WIDTH, HEIGHT);
  context.fillStyle = color;
  context.fill();
}

function grass(context, random) {
  for (let blade = 0; blade < 5200; blade++) {
    const x = random() * WIDTH;
    const y = 1180 + random() ** 0.7 * 460;
    const length = 24 + (y - 1150) / 5 * (0.6 + random());
    const [hue, strength, light] = [128 + random() * 32, 30 + random() * 20, 18 + random() * 26];
    context.strokeStyle = `hsl(${hue} ${strength}% ${light}%)`;
    context.lineWidth = 1.5 + (y - 1150) / 180;
    context.beginPath();
    context.moveTo(x, y);
    context.quadraticCurveTo(x, y - length * 0.6, x + (random() - 0.4) * length * 0.7, y - length);
    context.stroke();
  }
}

// Each a start, and the two handles and the end of every curve from there.
const STEM = [[0, 130], [14, 320, -22, 470, 6, 700]];
const LEAVES = [
  ["#3c8c55", [[4, 620], [-190, 470, -210, 270, -230, 200], [-110, 260, -10, 420, 4, 620]]],
  ["#2b7346", [[4, 640], [150, 520, 190, 350, 250, 300], [200, 470, 120, 600, 4, 640]]],
  ["#c2304a", [[-20, 150], [-190, 110, -170, -90, -118, -190], [-40, -120, 0, -40, -20, 150]]],
  ["#b02543", [[20, 150], [190, 110, 170, -90, 118, -190], [40, -120, 0, -40, 20, 150]]],
  ["#e2506a", [[0, 160], [-130, 120, -110, -80, 0, -215], [110, -80, 130, 120, 0, 160]]],
  ["#ee7d90", [[-14, 128], [-70, 60, -60, -60, -6, -170], [-34, -40, -34, 60, -14, 128]]],
];

function tulip(context, x, y, scale) {
  context.save();
  context.translate(x, y);
  context.scale(scale, scale);
  context.lineCap = "round";
  context.lineWidth = 22;
  context.strokeStyle = "#2f7a48";
  trace(context, STEM);
  context.stroke();

  for (const [color, path] of LEAVES) {
    trace(context, path);
    context.fillStyle = color;
    context.fill();
  }

  context.restore();
}

function trace(context, [start, ...curves]) {
  context.beginPath();
  context.moveTo(...start);
  for (const curve of curves) context.bezierCurveTo(...curve);
}
