//! ICC profiles (ICC.1:2022), read no further than it takes to trust one: the color management
//! system gets a profile that has what it needs and nothing else, all of it checked.

use super::curve::{Curve, fixed};
use super::transfer::to_srgb;
use crate::ColorModel;

/// The most that a profile may have. Those of printing presses have half a megabyte to two.
pub(crate) const MAX_PROFILE_BYTES: usize = 4 << 20;

/// As many as any color management system reads.
const MAX_TAGS: usize = 100;

const HEADER: usize = 128;

/// What some profiles of Corbis' have for `XYZ `.
const CORBIS: [u8; 4] = [0x17, 0xA5, 0x05, 0xB8];

/// The most entries of an input or output table of a `mft2`.
const MAX_TABLE: usize = 4_096;

/// A profile that can be used.
#[derive(Debug, Clone, Copy)]
pub(super) struct Profile<'a> {
    /// Gray, RGB or CMYK.
    pub model: ColorModel,
    /// Whether it is connected by L*a*b*, rather than by XYZ.
    pub is_lab: bool,
    pub way: Way<'a>,
}

/// How its numbers become colors.
#[derive(Debug, Clone, Copy)]
pub(super) enum Way<'a> {
    Gray(&'a [u8]),
    /// A column of a matrix and a curve for each of red, green and blue.
    Matrix([&'a [u8]; 3], [&'a [u8]; 3]),
    /// A table of one of the three types that there are.
    Table(&'a [u8]),
}

impl<'a> Profile<'a> {
    /// `None` where it is broken, or none that a picture has.
    pub(super) fn read(bytes: &'a [u8]) -> Option<Profile<'a>> {
        if bytes.len() > MAX_PROFILE_BYTES || bytes.get(36..40)? != b"acsp" {
            return None;
        }
        if !matches!(bytes.get(8)?, 2..=4) {
            return None;
        }
        if !matches!(bytes.get(12..16)?, b"scnr" | b"mntr" | b"prtr" | b"spac") {
            return None;
        }
        let is_lab = match bytes.get(20..24)? {
            b"Lab " => true,
            b"XYZ " => false,
            _ => return None,
        };
        let tags = Tags::read(bytes)?;
        // Relative colorimetric, and perceptual where there is nothing else.
        let table = tags.get(b"A2B1").or_else(|| tags.get(b"A2B0"));
        let (model, way) = match (bytes.get(16..20)?, table) {
            (b"GRAY", _) => {
                let curve = tags.get(b"kTRC")?;
                Curve::read(curve)?;
                (ColorModel::Gray, Way::Gray(curve))
            }
            (b"RGB ", Some(table)) => (ColorModel::Rgb, Way::table(table, 3)?),
            (b"CMYK", Some(table)) => (ColorModel::Cmyk, Way::table(table, 4)?),
            (b"RGB ", None) if !is_lab => (ColorModel::Rgb, Way::matrix(&tags)?),
            _ => return None,
        };
        Some(Profile { model, is_lab, way })
    }

    /// Whether it is sRGB, by what it says and not by its name: a picture shows the same with it
    /// and without.
    pub(super) fn is_srgb(&self) -> bool {
        match self.way {
            Way::Matrix(columns, curves) => {
                let near = |(column, expected): (&[u8], [f32; 3])| {
                    xyz(column).is_some_and(|found| {
                        found.iter().zip(expected).all(|(a, b)| (a - b).abs() < 0.002)
                    })
                };
                columns.into_iter().zip(SRGB).all(near) && curves.into_iter().all(is_srgbs)
            }
            Way::Gray(curve) => !self.is_lab && is_srgbs(curve),
            Way::Table(_) => false,
        }
    }

    /// A profile of it that has nothing else. A table is its perceptual one.
    pub(super) fn rewritten(&self) -> Vec<u8> {
        let mut tags: Vec<([u8; 4], [u8; 4], &[u8])> = Vec::new();
        let kind = |tag: &[u8]| tag.first_chunk().copied().unwrap_or_default();
        let curve = |tag| if kind(tag) == *b"para" { *b"para" } else { *b"curv" };
        match self.way {
            Way::Gray(tag) => tags.push((*b"kTRC", curve(tag), tag)),
            Way::Matrix(columns, curves) => {
                for (name, column) in [b"rXYZ", b"gXYZ", b"bXYZ"].into_iter().zip(columns) {
                    tags.push((*name, *b"XYZ ", column));
                }
                for (name, tag) in [b"rTRC", b"gTRC", b"bTRC"].into_iter().zip(curves) {
                    tags.push((*name, curve(tag), tag));
                }
            }
            Way::Table(tag) => tags.push((*b"A2B0", kind(tag), tag)),
        }
        let (space, connection) = match self.model {
            ColorModel::Gray => (b"GRAY", self.is_lab),
            ColorModel::Cmyk => (b"CMYK", self.is_lab),
            ColorModel::Rgb | ColorModel::Lab => (b"RGB ", self.is_lab),
        };
        // L*a*b* of 16 bits is encoded as version 2 has it in tables of that type alone, whatever
        // the version of the profile.
        let is_old = matches!(self.way, Way::Table(tag) if tag.starts_with(b"mft2"));
        let mut out = vec![0; HEADER];
        out[8] = if is_old { 2 } else { 4 };
        out[12..16].copy_from_slice(b"mntr");
        out[16..20].copy_from_slice(space);
        out[20..24].copy_from_slice(if connection { b"Lab " } else { b"XYZ " });
        out[36..40].copy_from_slice(b"acsp");
        out.extend((tags.len() as u32).to_be_bytes());
        let mut at = out.len() + tags.len() * 12;
        for (name, _, data) in &tags {
            out.extend(name);
            out.extend((at as u32).to_be_bytes());
            out.extend((data.len() as u32).to_be_bytes());
            at += data.len().next_multiple_of(4);
        }
        for (_, kind, data) in &tags {
            out.extend(kind);
            out.extend(&data[4..]);
            out.resize(out.len().next_multiple_of(4), 0);
        }
        let size = out.len() as u32;
        out[..4].copy_from_slice(&size.to_be_bytes());
        out
    }
}

/// The columns of sRGB's matrix to XYZ, adapted to D50.
const SRGB: [[f32; 3]; 3] =
    [[0.436_1, 0.222_5, 0.013_9], [0.385_1, 0.716_9, 0.097_1], [0.143_1, 0.060_6, 0.714_1]];

/// Whether a curve is sRGB's, as far as 8 bits show.
fn is_srgbs(tag: &[u8]) -> bool {
    const POINTS: u8 = 64;
    Curve::read(tag).is_some_and(|(curve, _)| {
        (0..=POINTS).all(|point| {
            let x = f32::from(point) / f32::from(POINTS);
            (to_srgb(curve.at(x)) - x).abs() < 0.8 / 255.0
        })
    })
}

/// The first of an array of XYZNumbers.
fn xyz(tag: &[u8]) -> Option<[f32; 3]> {
    let (kind, rest) = tag.split_first_chunk::<4>()?;
    let (numbers, _) = rest.get(4..16)?.as_chunks();
    let &[x, y, z] = numbers else { return None };
    let numbers = [x, y, z].map(fixed);
    let is_sane = numbers.iter().all(|number| number.abs() < 4.0) && numbers[1] != 0.0;
    ((kind == b"XYZ " || *kind == CORBIS) && is_sane).then_some(numbers)
}

/// The tag table.
struct Tags<'a> {
    bytes: &'a [u8],
    entries: &'a [[u8; 12]],
}

impl<'a> Tags<'a> {
    fn read(bytes: &'a [u8]) -> Option<Tags<'a>> {
        let (&count, rest) = bytes.get(HEADER..)?.split_first_chunk()?;
        let count = u32::from_be_bytes(count) as usize;
        if count > MAX_TAGS {
            return None;
        }
        let (entries, _) = rest.get(..count * 12)?.as_chunks();
        Some(Tags { bytes, entries })
    }

    /// The data of a tag. What is cut off is not there.
    fn get(&self, name: &[u8; 4]) -> Option<&'a [u8]> {
        let entry = self.entries.iter().find(|entry| entry.starts_with(name))?;
        let &[_, _, _, _, o1, o2, o3, o4, l1, l2, l3, l4] = entry;
        let offset = u32::from_be_bytes([o1, o2, o3, o4]) as usize;
        let len = u32::from_be_bytes([l1, l2, l3, l4]) as usize;
        self.bytes.get(offset..offset.checked_add(len)?).filter(|tag| tag.len() >= 8)
    }
}

impl<'a> Way<'a> {
    fn matrix(tags: &Tags<'a>) -> Option<Way<'a>> {
        let columns = [tags.get(b"rXYZ")?, tags.get(b"gXYZ")?, tags.get(b"bXYZ")?];
        let curves = [tags.get(b"rTRC")?, tags.get(b"gTRC")?, tags.get(b"bTRC")?];
        let is_whole = columns.iter().all(|column| xyz(column).is_some())
            && curves.iter().all(|curve| Curve::read(curve).is_some());
        is_whole.then_some(Way::Matrix(columns, curves))
    }

    /// Of so many inputs.
    fn table(tag: &'a [u8], inputs: u8) -> Option<Way<'a>> {
        let is_whole = match tag.first_chunk()? {
            b"mft1" => is_whole_mft(tag, inputs, 48, [256, 256], 1),
            b"mft2" => {
                let &[i1, i2, o1, o2] = tag.get(48..52)?.first_chunk()?;
                let entries = [u16::from_be_bytes([i1, i2]), u16::from_be_bytes([o1, o2])];
                is_whole_mft(tag, inputs, 52, entries.map(usize::from), 2)
            }
            b"mAB " => is_whole_mab(tag, inputs)?,
            _ => false,
        };
        is_whole.then_some(Way::Table(tag))
    }
}

/// Of `lut8Type` and `lut16Type`, whose tables begin at `start`.
fn is_whole_mft(tag: &[u8], inputs: u8, start: usize, entries: [usize; 2], bytes: usize) -> bool {
    let Some(&[found, 3, grid, _]) = tag.get(8..).and_then(<[u8]>::first_chunk) else {
        return false;
    };
    let [input, output] = entries;
    if found != inputs || grid < 2 || ![input, output].iter().all(|n| (2..=MAX_TABLE).contains(n)) {
        return false;
    }
    // At most 255 to the fourth, which fits.
    let nodes = usize::from(grid).pow(inputs.into());
    let numbers = input * usize::from(inputs) + nodes.saturating_mul(3) + output * 3;
    tag.len() >= start.saturating_add(numbers.saturating_mul(bytes))
}

/// Of `lutAToBType`.
fn is_whole_mab(tag: &[u8], inputs: u8) -> Option<bool> {
    if tag.get(8..10)? != [inputs, 3] {
        return None;
    }
    let offset = |at: usize| -> Option<usize> {
        Some(u32::from_be_bytes(*tag.get(at..)?.first_chunk()?) as usize)
    };
    let [b, matrix, m, clut, a] = [12, 16, 20, 24, 28].map(offset);
    let (b, matrix, m, clut, a) = (b?, matrix?, m?, clut?, a?);
    let has_curves = |at: usize, count: u8| -> Option<()> {
        let mut at = at;
        for _ in 0..count {
            let (_, len) = Curve::read(tag.get(at..)?)?;
            at += len.next_multiple_of(4);
        }
        Some(())
    };
    has_curves(b, 3)?;
    if (matrix == 0) != (m == 0) {
        return None;
    }
    if m != 0 {
        has_curves(m, 3)?;
        let (numbers, _) = tag.get(matrix..matrix.checked_add(48)?)?.as_chunks();
        if !numbers.iter().all(|&number| fixed(number).abs() < 1_000.0) {
            return None;
        }
    }
    if (clut == 0) != (a == 0) || clut == 0 && inputs != 3 {
        return None;
    }
    if clut != 0 {
        has_curves(a, inputs)?;
        let grid = tag.get(clut..clut.checked_add(20)?)?;
        let points = grid.get(..inputs.into())?;
        let nodes = points.iter().fold(1usize, |nodes, &points| nodes * usize::from(points));
        let bytes = usize::from(*grid.get(16)?);
        let is_whole = points.iter().all(|&points| points >= 2)
            && matches!(bytes, 1 | 2)
            && tag.len() >= (clut + 20).saturating_add(nodes.saturating_mul(3 * bytes));
        return Some(is_whole);
    }
    Some(true)
}
