//! Light by its logarithm, with a color or without: SGI's LogL and LogLuv, by G. Ward Larson,
//! "LogLuv Encoding for Full-Gamut, High-Dynamic Range Images", Journal of Graphics Tools 3 (1998),
//! and <https://www.awaresystems.be/imaging/tiff/tifftags/photometricinterpretation.html>.

/// CIE XYZ, of which equal parts are white, to linear light of sRGB's primaries.
const XYZ_TO_RGB: [[f32; 3]; 3] =
    [[2.690, -1.276, -0.414], [-1.022, 1.978, 0.044], [0.061, -0.224, 1.163]];

/// The steps of u' and v' in 32 bits: parts of so many.
const STEPS: f32 = 410.0;

/// u' and v' of white.
const WHITE: [f32; 2] = [0.210_526_3, 0.473_684_2];

/// The side of the squares that the colors of 24 bits are numbered by, and the v' that their rows
/// begin with.
const SQUARE: f32 = 0.003_5;
const LOWEST: f32 = 0.016_94;

/// The rows of squares: the u' of the first one, in millionths, and how many there are. Together
/// they cover the colors that can be seen.
#[rustfmt::skip]
const ROWS: [(u32, u16); 163] = [
    (247663, 4), (243779, 6), (241684, 7), (237874, 9), (235906, 10), (232153, 12), (228352, 14),
    (226259, 15), (222371, 17), (220410, 18), (214710, 21), (212714, 22), (210721, 23),
    (204976, 26), (202986, 27), (199245, 29), (195525, 31), (193560, 32), (189878, 34),
    (186216, 36), (186216, 36), (182592, 38), (179003, 40), (175466, 42), (172001, 44),
    (172001, 44), (168612, 46), (168612, 46), (163575, 49), (158642, 52), (158642, 52),
    (158642, 52), (153815, 55), (153815, 55), (149097, 58), (149097, 58), (142746, 62),
    (142746, 62), (142746, 62), (138270, 65), (138270, 65), (138270, 65), (132166, 69),
    (132166, 69), (126204, 73), (126204, 73), (126204, 73), (120381, 77), (120381, 77),
    (120381, 77), (120381, 77), (112962, 82), (112962, 82), (112962, 82), (107450, 86),
    (107450, 86), (107450, 86), (107450, 86), (100343, 91), (100343, 91), (100343, 91),
    (95126, 95), (95126, 95), (95126, 95), (95126, 95), (88276, 100), (88276, 100), (88276, 100),
    (88276, 100), (81523, 105), (81523, 105), (81523, 105), (81523, 105), (74861, 110),
    (74861, 110), (74861, 110), (74861, 110), (68290, 115), (68290, 115), (68290, 115),
    (68290, 115), (63573, 119), (63573, 119), (63573, 119), (63573, 119), (57219, 124),
    (57219, 124), (57219, 124), (57219, 124), (50985, 129), (50985, 129), (50985, 129),
    (50985, 129), (50985, 129), (44859, 134), (44859, 134), (44859, 134), (44859, 134),
    (40571, 138), (40571, 138), (40571, 138), (40571, 138), (36339, 142), (36339, 142),
    (36339, 142), (36339, 142), (32139, 146), (32139, 146), (32139, 146), (32139, 146),
    (27947, 150), (27947, 150), (27947, 150), (23739, 154), (23739, 154), (23739, 154),
    (23739, 154), (19504, 158), (19504, 158), (19504, 158), (16976, 161), (16976, 161),
    (16976, 161), (16976, 161), (12639, 165), (12639, 165), (12639, 165), (9991, 168),
    (9991, 168), (9991, 168), (9016, 170), (9016, 170), (9016, 170), (6217, 173), (6217, 173),
    (5097, 175), (5097, 175), (5097, 175), (3909, 177), (3909, 177), (2340, 177), (2389, 170),
    (1068, 164), (1653, 157), (717, 150), (1614, 143), (270, 136), (484, 129), (1103, 123),
    (1242, 115), (1188, 109), (1011, 103), (709, 97), (301, 89), (2416, 82), (3251, 76),
    (3246, 69), (4141, 62), (5963, 55), (8839, 47), (10490, 40), (16994, 31), (23659, 21),
];

/// How many squares come before each row.
const BEFORE: [u16; 163] = {
    let mut before = [0; 163];
    let mut row = 1;
    while row < 163 {
        before[row] = before[row - 1] + ROWS[row - 1].1;
        row += 1;
    }
    before
};

/// How many there are.
const SQUARES: u16 = BEFORE[162] + ROWS[162].1;

/// The light of 16 bits: a sign, and the logarithm in 256ths of a stop. 0 is none.
pub(super) fn luminance(bits: u16) -> f32 {
    match bits & 0x7FFF {
        0 => 0.0,
        log => {
            let light = ((f32::from(log) + 0.5) / 256.0 - 64.0).exp2();
            if bits > 0x7FFF { -light } else { light }
        }
    }
}

/// 16 bits of light, then 8 each of u' and v'.
pub(super) fn rgb_of_32(pixel: u32) -> [f32; 3] {
    let step = |bits: u32| ((bits & 0xFF) as f32 + 0.5) / STEPS;
    rgb(luminance((pixel >> 16) as u16), [step(pixel >> 8), step(pixel)])
}

/// 10 bits of light, in 64ths of a stop, then 14 of a color's number.
pub(super) fn rgb_of_24(pixel: u32) -> [f32; 3] {
    let light = match pixel >> 14 & 0x3FF {
        0 => 0.0,
        log => ((log as f32 + 0.5) / 64.0 - 12.0).exp2(),
    };
    rgb(light, color_of((pixel & 0x3FFF) as u16))
}

/// u' and v' of a square's middle. What is none is white.
fn color_of(number: u16) -> [f32; 2] {
    let row = BEFORE.partition_point(|&before| before <= number).saturating_sub(1);
    if number >= SQUARES {
        return WHITE;
    }
    let middle = |square: usize| (square as f32 + 0.5) * SQUARE;
    let first = ROWS[row].0 as f32 / 1_000_000.0;
    [first + middle(usize::from(number - BEFORE[row])), LOWEST + middle(row)]
}

fn rgb(y: f32, [u, v]: [f32; 2]) -> [f32; 3] {
    // Nothing below it can be shown. Of a v' that is not positive there is no color.
    if y <= 0.0 || v <= 0.0 {
        return [0.0; 3];
    }
    let x = y * 9.0 * u / (4.0 * v);
    let z = y * (12.0 - 3.0 * u - 20.0 * v) / (4.0 * v);
    XYZ_TO_RGB.map(|[by_x, by_y, by_z]| by_x * x + by_y * y + by_z * z)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn light_is_what_its_logarithm_says() {
        assert_eq!(luminance(0), 0.0);
        assert_eq!(luminance(0x8000), 0.0);
        // 64 stops up from the lowest.
        assert!((luminance(64 << 8) - 1.0).abs() < 0.01);
        assert!((luminance(66 << 8) - 4.0).abs() < 0.02);
        assert!((luminance(0x8000 | 64 << 8) + 1.0).abs() < 0.01);
        assert!(luminance(0x7FFF).is_finite());
    }

    #[test]
    fn white_is_white_and_all_pixels_are_numbers() {
        assert_eq!(SQUARES, 16_289);
        let close = |rgb: [f32; 3]| rgb.iter().all(|c| (c - 1.0).abs() < 0.03);
        assert!(close(rgb(1.0, WHITE)));
        // The steps that white lies in.
        assert!(
            close(rgb_of_32(64 << 24 | 86 << 8 | 194)),
            "{:?}",
            rgb_of_32(64 << 24 | 86 << 8 | 194)
        );
        assert!(close(rgb_of_24(12 * 64 << 14 | 0x3FFF)));
        for pixel in (0..=u32::MAX).step_by(65_521) {
            assert!(rgb_of_32(pixel).iter().all(|c| c.is_finite()), "{pixel:x}");
        }
        for pixel in 0..1 << 24 {
            assert!(rgb_of_24(pixel).iter().all(|c| c.is_finite()), "{pixel:x}");
        }
    }

    /// u' and v' of all squares, found back by their number.
    #[test]
    fn colors_are_numbered_row_by_row() {
        let mut number = 0;
        for (row, &(first, squares)) in ROWS.iter().enumerate() {
            for square in 0..squares {
                let [u, v] = color_of(number);
                assert!(
                    (u - first as f32 / 1e6 - (f32::from(square) + 0.5) * 0.003_5).abs() < 1e-6
                );
                assert!((v - 0.016_94 - (row as f32 + 0.5) * 0.003_5).abs() < 1e-6);
                number += 1;
            }
        }
        assert_eq!(color_of(number), WHITE);
    }
}
