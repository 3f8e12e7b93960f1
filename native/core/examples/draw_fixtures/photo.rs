//! The photo, drawn: a lake before mountains.

use std::array;

use image::{Rgb, Rgb32FImage};

type Color = [f32; 3];

/// A lake before mountains: smooth sky, fine grass, hard edges, small bright flowers, and noise as
/// a sensor has it.
pub(crate) fn photo() -> Rgb32FImage {
    const PARTS: [f32; 3] = [1.0 / 6.0, 0.5, 5.0 / 6.0];
    Rgb32FImage::from_fn(640, 427, |x, y| {
        let mut sum = [hash(x as i32, y as i32, 1) * 0.02; 3];
        for (right, down) in PARTS.iter().flat_map(|right| PARTS.map(|down| (right, down))) {
            let color = scene(x as f32 + right, y as f32 + down);
            sum = array::from_fn(|i| sum[i] + color[i]);
        }
        Rgb(sum.map(|channel| (channel / 9.0).clamp(0.0, 1.0)))
    })
}

fn scene(x: f32, y: f32) -> Color {
    const SHORE: f32 = 248.0;
    let bank = 322.0
        + 46.0 * smooth(640.0, 120.0, x) * fbm(x / 160.0, 3.0, 4, 20)
        + 60.0 * smooth(300.0, 640.0, x);
    let color = if y < SHORE {
        far(x, y)
    } else if y < bank {
        let depth = (y - SHORE) / 150.0;
        let ripple = fbm(x / 30.0, y * 0.4, 2, 30) - 0.5;
        let mirrored = far(x + ripple * 22.0 * depth, 2.0 * SHORE - y - ripple * 50.0 * depth);
        let glitter = smooth(0.66, 0.80, noise(x / 12.0, y * 0.8, 31)) * (0.12 + 0.25 * depth);
        mix(mix(mirrored, [0.10, 0.20, 0.26], 0.25 + 0.35 * depth), [0.86, 0.91, 0.96], glitter)
    } else {
        meadow(x, y, y - bank)
    };
    let color = paint(&BOAT, x, y, color);
    let down = y - x * 0.02;
    paint(&POST, x % 52.0, down, paint(&RAILS, x, down, color))
}

/// What lies beyond the lake, and what it mirrors.
fn far(x: f32, y: f32) -> Color {
    let mut color = sky(x, y);
    for (seed, [crest, rough, wide, haze], tone) in RIDGES {
        let top = crest + rough * (fbm(x / wide + 7.0, 0.5, 6, seed) - 0.5);
        if y > top {
            let relief = |x: f32, y: f32| fbm(x / 14.0, y / 11.0, 2, seed + 1);
            let light = 1.0
                + 1.1 * (relief(x, y) - relief(x + 4.9, y - 2.7))
                + 0.2 * (noise(x / 3.0, y / 2.5, seed + 2) - 0.5);
            color = mix(
                scale(tone, light),
                [0.80, 0.86, 0.92],
                haze + 0.25 * smooth(top, top + 90.0, y),
            );
        }
    }
    if y > 236.0 + 5.0 * fbm(x / 40.0, 1.0, 3, 50) {
        color = scale([0.42, 0.55, 0.22], 0.7 + 0.6 * fbm(x / 4.0, y / 1.5, 2, 51));
    }
    for (middle, size) in TREES {
        let (right, down) = ((x - middle) / size, (y - 241.0 + size) / (size * 1.25));
        if right * right + down * down < 0.55 + 0.9 * fbm(x / 7.0, y / 7.0, 4, 55) {
            let light = 0.5 + 1.1 * fbm(x / 2.5, y / 2.5, 2, 56) - 0.35 * (right + down);
            color = scale([0.17, 0.33, 0.12], light);
        }
    }
    paint(&HOUSE, x, y, color)
}

fn sky(x: f32, y: f32) -> Color {
    let down = y / 250.0;
    let blue = mix([0.20, 0.42, 0.76], [0.70, 0.84, 0.95], smooth(0.0, 0.9, down));
    let clear = mix(blue, [0.98, 0.91, 0.80], smooth(0.45, 1.0, down) * 0.7);
    let thick = |x: f32, y: f32| fbm(x / 130.0 + 3.0, y / 62.0 + 1.0, 4, 5);
    let cover = smooth(0.48, 0.70, thick(x, y)) * (0.95 - 0.5 * down);
    let light = 0.62 + 3.5 * (thick(x, y) - thick(x + 10.0, y - 9.0));
    mix(clear, mix([0.66, 0.70, 0.79], [1.0, 0.99, 0.96], light), cover)
}

/// Grass with flowers in it, larger the nearer they are. `near` counts from the water's edge.
fn meadow(x: f32, y: f32, near: f32) -> Color {
    const CELL: f32 = 11.0;
    let close = (near / 100.0).min(1.0);
    let blades = fbm(x / (2.5 + close), y / (7.0 + 7.0 * close), 2, 71);
    let grass = mix(
        [0.22, 0.36, 0.10],
        [0.55, 0.60, 0.22],
        smooth(0.3, 0.7, fbm(x / 60.0, y / 22.0, 4, 72)),
    );
    let grass = mix(
        [0.44, 0.40, 0.31],
        scale(grass, 0.5 + 0.95 * blades),
        (near + 6.0 * blades - 1.0) / 8.0,
    );
    let chance = |seed| hash((x / CELL) as i32, (y / CELL) as i32, seed);
    let size = (1.0 + 2.2 * close) * (0.6 + 0.6 * chance(80));
    let right = (x % CELL - CELL * (0.3 + 0.4 * chance(81))) / size;
    let down = (y % CELL - CELL * (0.3 + 0.4 * chance(82))) / size;
    match right * right + down * down {
        away if away > 1.0 || near < 12.0 || chance(83) > 0.3 => grass,
        away if away < 0.12 => [0.95, 0.72, 0.10],
        away => scale(PETALS[(chance(84) * 4.0) as usize], 1.05 - 0.35 * away),
    }
}

/// Shapes with level tops and bottoms: top and bottom, left and right end of the top, left and
/// right end of the bottom, color.
type Shape = ([f32; 2], [f32; 2], [f32; 2], Color);

fn paint(shapes: &[Shape], x: f32, y: f32, behind: Color) -> Color {
    let within = |&&([top, bottom], upper, lower, _): &&Shape| {
        let down = (y - top) / (bottom - top);
        let [left, right] = array::from_fn(|i| upper[i] + (lower[i] - upper[i]) * down);
        (0.0..1.0).contains(&down) && (left..right).contains(&x)
    };
    let grain = || 0.93 + 0.14 * noise(x / 1.5, y / 3.0, 60);
    shapes.iter().rfind(within).map_or(behind, |&(.., color)| scale(color, grain()))
}

const HOUSE: [Shape; 9] = [
    ([184.0, 200.0], [500.0, 507.0], [500.0, 507.0], [0.52, 0.28, 0.22]), // chimney
    ([194.0, 217.0], [448.0, 512.0], [436.0, 524.0], [0.66, 0.25, 0.17]), // roof
    ([217.0, 245.0], [442.0, 518.0], [442.0, 518.0], [0.93, 0.87, 0.73]), // wall
    ([225.0, 245.0], [475.0, 485.0], [475.0, 485.0], [0.10, 0.28, 0.58]), // door
    ([223.0, 236.0], [450.0, 464.0], [450.0, 464.0], [0.99, 0.99, 0.97]), // windows
    ([223.0, 236.0], [494.0, 508.0], [494.0, 508.0], [0.99, 0.99, 0.97]),
    ([224.5, 234.5], [451.5, 456.3], [451.5, 456.3], [0.13, 0.16, 0.21]), // panes
    ([224.5, 234.5], [457.7, 462.5], [457.7, 462.5], [0.13, 0.16, 0.21]),
    ([224.5, 234.5], [495.5, 506.5], [495.5, 506.5], [0.13, 0.16, 0.21]),
];
const BOAT: [Shape; 5] = [
    ([229.0, 284.0], [249.2, 250.8], [249.2, 250.8], [0.30, 0.22, 0.16]), // mast
    ([232.0, 281.0], [251.5, 251.5], [251.5, 271.5], [0.99, 0.98, 0.95]), // sails
    ([242.0, 280.0], [249.0, 249.0], [234.0, 249.0], [0.99, 0.62, 0.10]),
    ([284.0, 293.0], [228.0, 274.0], [237.0, 262.0], [0.82, 0.10, 0.09]), // hull
    ([284.0, 286.5], [228.0, 274.0], [230.5, 271.0], [0.99, 0.97, 0.92]),
];
const RAILS: [Shape; 6] = [
    ([342.0, 348.0], [0.0, 640.0], [0.0, 640.0], [0.66, 0.58, 0.47]),
    ([374.0, 380.0], [0.0, 640.0], [0.0, 640.0], [0.66, 0.58, 0.47]),
    ([352.0, 352.9], [0.0, 640.0], [0.0, 640.0], [0.25, 0.25, 0.27]), // wires
    ([358.0, 358.9], [0.0, 640.0], [0.0, 640.0], [0.25, 0.25, 0.27]),
    ([364.0, 364.9], [0.0, 640.0], [0.0, 640.0], [0.25, 0.25, 0.27]),
    ([370.0, 370.9], [0.0, 640.0], [0.0, 640.0], [0.25, 0.25, 0.27]),
];
const POST: [Shape; 3] = [
    ([326.0, 329.0], [33.5, 33.5], [30.0, 37.0], [0.72, 0.64, 0.53]),
    ([329.0, 404.0], [30.0, 35.0], [30.0, 35.0], [0.68, 0.60, 0.49]),
    ([329.0, 404.0], [35.0, 37.0], [35.0, 37.0], [0.45, 0.39, 0.31]),
];
/// Seed; crest, roughness, how wide its features are, how much the haze takes; color.
const RIDGES: [(u32, [f32; 4], Color); 3] = [
    (40, [168.0, 150.0, 150.0, 0.45], [0.42, 0.47, 0.55]),
    (43, [196.0, 90.0, 110.0, 0.22], [0.26, 0.37, 0.36]),
    (46, [226.0, 50.0, 70.0, 0.05], [0.13, 0.25, 0.13]),
];
const TREES: [(f32, f32); 4] = [(388.0, 13.0), (402.0, 17.0), (541.0, 15.0), (575.0, 20.0)];
const PETALS: [Color; 4] =
    [[0.90, 0.08, 0.10], [0.98, 0.82, 0.08], [0.80, 0.12, 0.66], [0.98, 0.97, 0.98]];

/// Value noise in octaves: from 0 to 1, mostly near the middle.
fn fbm(x: f32, y: f32, octaves: u32, seed: u32) -> f32 {
    let (mut sum, mut total, mut weight, mut scale) = (0.0, 0.0, 1.0, 1.0);
    for octave in 0..octaves {
        sum += weight * noise(x * scale, y * scale, seed * 16 + octave);
        total += weight;
        weight *= 0.5;
        scale *= 2.0;
    }
    sum / total
}

fn noise(x: f32, y: f32, seed: u32) -> f32 {
    let (left, top) = (x.floor(), y.floor());
    let at = |dx, dy| hash(left as i32 + dx, top as i32 + dy, seed);
    let (right, down) = (smooth(0.0, 1.0, x - left), smooth(0.0, 1.0, y - top));
    let above = at(0, 0) + (at(1, 0) - at(0, 0)) * right;
    let below = at(0, 1) + (at(1, 1) - at(0, 1)) * right;
    above + (below - above) * down
}

/// From 0 to below 1, as good as random.
fn hash(x: i32, y: i32, seed: u32) -> f32 {
    let mut h = (x as u32).wrapping_mul(0x8da6_b343)
        ^ (y as u32).wrapping_mul(0xd816_3841)
        ^ seed.wrapping_mul(0xcb1a_b31f);
    for (shift, factor) in [(15, 0x2c1b_3c6d), (12, 0x297a_2d39), (15, 0x1b56_c4e9)] {
        h = (h ^ h >> shift).wrapping_mul(factor);
    }
    (h >> 8) as f32 / 16_777_216.0
}

fn smooth(from: f32, to: f32, value: f32) -> f32 {
    let t = ((value - from) / (to - from)).clamp(0.0, 1.0);
    t * t * (3.0 - 2.0 * t)
}

fn mix(a: Color, b: Color, share: f32) -> Color {
    let share = share.clamp(0.0, 1.0);
    array::from_fn(|i| a[i] + (b[i] - a[i]) * share)
}

fn scale(color: Color, factor: f32) -> Color {
    color.map(|channel| (channel * factor).clamp(0.0, 1.0))
}
