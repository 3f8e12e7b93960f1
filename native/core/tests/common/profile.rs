//! ICC profiles, written for tests.
#![allow(
    dead_code,
    unreachable_pub,
    reason = "every test binary compiles this file and uses a part of it"
)]
#![allow(clippy::panic, reason = "a test fails by panicking")]

/// Columns of red, green and blue to XYZ, adapted to D50.
pub const SRGB: [[f64; 3]; 3] =
    [[0.4361, 0.2225, 0.0139], [0.3851, 0.7169, 0.0971], [0.1431, 0.0606, 0.7141]];
pub const DISPLAY_P3: [[f64; 3]; 3] =
    [[0.5151, 0.2412, -0.0011], [0.2920, 0.6922, 0.0419], [0.1571, 0.0666, 0.7841]];
pub const ADOBE_RGB: [[f64; 3]; 3] =
    [[0.6097, 0.3111, 0.0195], [0.2053, 0.6257, 0.0609], [0.1492, 0.0632, 0.7446]];
pub const PROPHOTO: [[f64; 3]; 3] =
    [[0.7977, 0.2880, 0.0], [0.1352, 0.7119, 0.0], [0.0313, 0.0001, 0.8249]];

pub type Tag = ([u8; 4], Vec<u8>);

/// A profile of these tags.
pub fn profile(version: u8, space: &[u8; 4], connection: &[u8; 4], tags: &[Tag]) -> Vec<u8> {
    let mut out = vec![0; 128];
    out[8] = version;
    out[12..16].copy_from_slice(b"mntr");
    out[16..20].copy_from_slice(space);
    out[20..24].copy_from_slice(connection);
    out[36..40].copy_from_slice(b"acsp");
    out.extend((tags.len() as u32).to_be_bytes());
    let mut at = 132 + tags.len() * 12;
    for (name, data) in tags {
        out.extend(name);
        out.extend((at as u32).to_be_bytes());
        out.extend((data.len() as u32).to_be_bytes());
        at += data.len().next_multiple_of(4);
    }
    for (_, data) in tags {
        out.extend(data);
        out.resize(out.len().next_multiple_of(4), 0);
    }
    let size = out.len() as u32;
    out[..4].copy_from_slice(&size.to_be_bytes());
    out
}

fn fixed(number: f64) -> [u8; 4] {
    ((number * 65_536.0).round() as i32).to_be_bytes()
}

pub fn xyz(column: [f64; 3]) -> Vec<u8> {
    let mut out = b"XYZ \0\0\0\0".to_vec();
    out.extend(column.iter().flat_map(|&number| fixed(number)));
    out
}

/// Of one entry.
pub fn gamma(gamma: f64) -> Vec<u8> {
    let mut out = b"curv\0\0\0\0\0\0\0\x01".to_vec();
    out.extend(((gamma * 256.0).round() as u16).to_be_bytes());
    out
}

/// Of 1,024 entries.
pub fn curve(function: impl Fn(f64) -> f64) -> Vec<u8> {
    let mut out = b"curv\0\0\0\0\0\0\x04\0".to_vec();
    let entry = |index| (function(f64::from(index) / 1_023.0) * 65_535.0).round() as u16;
    out.extend((0..1_024).flat_map(|index| entry(index).to_be_bytes()));
    out
}

/// One of version 4, of the fourth kind.
pub fn parametric([g, a, b, c, d]: [f64; 5]) -> Vec<u8> {
    let mut out = b"para\0\0\0\0\0\x03\0\0".to_vec();
    out.extend([g, a, b, c, d].iter().flat_map(|&number| fixed(number)));
    out
}

/// sRGB's transfer function.
pub fn srgb_curve() -> Vec<u8> {
    parametric([2.4, 1.0 / 1.055, 0.055 / 1.055, 1.0 / 12.92, 0.04045])
}

/// RGB by a matrix and one curve.
pub fn matrix(version: u8, [r, g, b]: [[f64; 3]; 3], curve: &[u8]) -> Vec<u8> {
    let tags = [(*b"rXYZ", xyz(r)), (*b"gXYZ", xyz(g)), (*b"bXYZ", xyz(b))];
    let curves = [*b"rTRC", *b"gTRC", *b"bTRC"].map(|name| (name, curve.to_vec()));
    profile(version, b"RGB ", b"XYZ ", &[tags, curves].concat())
}

/// sRGB with red and blue exchanged: what shows at once whether it is applied.
pub fn swapped() -> Vec<u8> {
    let [r, g, b] = SRGB;
    matrix(4, [b, g, r], &srgb_curve())
}

pub fn gray(connection: &[u8; 4], curve: Vec<u8>) -> Vec<u8> {
    profile(2, b"GRAY", connection, &[(*b"kTRC", curve)])
}

/// A table of `mft2` for so many inputs, of which it has 5 points each, to L*a*b* from 0 to 100 and
/// -128 to 127.
pub fn table(inputs: u8, color: impl Fn(&[f64]) -> [f64; 3]) -> Vec<u8> {
    let mut out = b"mft2\0\0\0\0".to_vec();
    out.extend([inputs, 3, 5, 0]);
    out.extend([1.0, 0.0, 0.0, 0.0, 1.0, 0.0, 0.0, 0.0, 1.0].iter().flat_map(|&n| fixed(n)));
    out.extend([0, 2, 0, 2]);
    for _ in 0..inputs {
        out.extend([0, 0, 0xFF, 0xFF]);
    }
    let count = 5usize.pow(inputs.into());
    for node in 0..count {
        let digit = |input: u8| node / 5usize.pow(u32::from(inputs - 1 - input)) % 5;
        let values: Vec<f64> = (0..inputs).map(|input| digit(input) as f64 / 4.0).collect();
        let [l, a, b] = color(&values);
        // As version 2 has it.
        let words = [l * 652.8, (a + 128.0) * 256.0, (b + 128.0) * 256.0];
        out.extend(words.iter().flat_map(|&word| (word.round() as u16).to_be_bytes()));
    }
    for _ in 0..3 {
        out.extend([0, 0, 0xFF, 0xFF]);
    }
    out
}

/// CMYK whose lightness is what the inks leave.
pub fn cmyk() -> Vec<u8> {
    let table = table(4, |inks| {
        let [c, m, y, k] = inks else { unreachable!("four were asked for") };
        let left = (1.0 - k) * (1.0 - (c + m + y) / 3.0);
        [100.0 * left, 60.0 * (m - c) * (1.0 - k), 60.0 * (y - m) * (1.0 - k)]
    });
    profile(2, b"CMYK", b"Lab ", &[(*b"A2B0", table)])
}
