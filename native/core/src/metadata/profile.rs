//! ICC profiles: the name of one, and that of sRGB.

/// What a profile's tags begin behind.
const HEADER: usize = 128;

/// Profiles have some dozens of tags.
const MAX_TAGS: usize = 100;

/// The longest name that is told, in UTF-16.
const MAX_NAME: usize = 256;

/// The description of a profile: `desc`, as versions 2 and 4 of the specification have it.
pub(crate) fn name(profile: &[u8]) -> Option<String> {
    let tag = description(profile)?;
    let name = match tag.first_chunk()? {
        b"desc" => {
            let length = long(tag, 8)? as usize;
            let text = tag.get(12..)?;
            let text = text.get(..length.min(MAX_NAME)).unwrap_or(text);
            text.iter().take_while(|&&byte| byte != 0).map(|&byte| char::from(byte)).collect()
        }
        b"mluc" => translated(tag)?,
        _ => return None,
    };
    let name: String = name.trim().chars().filter(|char| !char.is_control()).collect();
    (!name.is_empty()).then_some(name)
}

fn description(profile: &[u8]) -> Option<&[u8]> {
    let count = long(profile, HEADER)? as usize;
    let tags = profile.get(HEADER + 4..)?.as_chunks::<12>().0;
    let tag = tags.iter().take(count.min(MAX_TAGS)).find(|tag| tag.starts_with(b"desc"))?;
    let (start, length) = (long(tag, 4)? as usize, long(tag, 8)? as usize);
    profile.get(start..)?.get(..length)
}

/// The name in English, else the first.
fn translated(tag: &[u8]) -> Option<String> {
    let count = long(tag, 8)? as usize;
    let records = tag.get(16..)?.as_chunks::<12>().0;
    let records = || records.iter().take(count.min(MAX_TAGS));
    let record = records().find(|record| record.starts_with(b"en")).or(records().next())?;
    let (length, start) = (long(record, 4)? as usize, long(record, 8)? as usize);
    let text = tag.get(start..)?;
    let text = text.get(..length.min(2 * MAX_NAME)).unwrap_or(text);
    let units = text.as_chunks().0.iter().map(|&pair| u16::from_be_bytes(pair));
    let units = units.take_while(|&unit| unit != 0);
    Some(
        char::decode_utf16(units).map(|char| char.unwrap_or(char::REPLACEMENT_CHARACTER)).collect(),
    )
}

fn long(bytes: &[u8], at: usize) -> Option<u32> {
    bytes.get(at..)?.first_chunk().map(|&bytes| u32::from_be_bytes(bytes))
}

/// A profile of sRGB, or of gray with its transfer function: version 4, in half a kilobyte.
///
/// The colorants are those of IEC 61966-2-1, adapted to D50 with the matrix in `chad`, as the
/// specification (ICC.1:2022, annexes E and F) has them.
pub(crate) fn srgb(is_gray: bool) -> Vec<u8> {
    let xyz = |values: [f64; 3]| tag(b"XYZ ", &values);
    let name = text(if is_gray { "sRGB gray" } else { "sRGB" });
    let curve = {
        let mut curve = b"para\0\0\0\0\0\x03\0\0".to_vec();
        let parameters = [2.4, 1.0 / 1.055, 0.055 / 1.055, 1.0 / 12.92, 0.04045];
        curve.extend(parameters.iter().flat_map(|&value| fixed(value)));
        curve
    };
    let adapted = tag(b"sf32", &ADAPTATION);
    let mut tags = vec![(b"desc", name), (b"cprt", text("CC0")), (b"wtpt", xyz(WHITE))];
    tags.push((b"chad", adapted));
    if is_gray {
        tags.push((b"kTRC", curve));
    } else {
        tags.extend([
            (b"rXYZ", xyz([0.43606567, 0.2224884, 0.01391602])),
            (b"gXYZ", xyz([0.38514709, 0.71687317, 0.09707642])),
            (b"bXYZ", xyz([0.14306641, 0.06060791, 0.71409607])),
            (b"rTRC", curve.clone()),
            (b"gTRC", curve.clone()),
            (b"bTRC", curve),
        ]);
    }
    assembled(if is_gray { b"GRAY" } else { b"RGB " }, &tags)
}

/// D50, which the connection space has.
const WHITE: [f64; 3] = [0.9642, 1.0, 0.8249];

/// From D65 to D50, by Bradford.
const ADAPTATION: [f64; 9] = [
    1.04788208,
    0.0229187,
    -0.05021667,
    0.02958679,
    0.99047852,
    -0.01707458,
    -0.00925446,
    0.01506042,
    0.7520752,
];

fn assembled(space: &[u8; 4], tags: &[(&[u8; 4], Vec<u8>)]) -> Vec<u8> {
    let mut table = (tags.len() as u32).to_be_bytes().to_vec();
    let mut data: Vec<u8> = Vec::new();
    let data_at = HEADER + 4 + 12 * tags.len();
    let mut last: Option<(&[u8], usize)> = None;
    for (signature, content) in tags {
        // The curves are one.
        let at = match last {
            Some((same, at)) if same == &content[..] => at,
            _ => {
                let at = data_at + data.len();
                data.extend(content);
                at
            }
        };
        last = Some((content, at));
        table.extend_from_slice(*signature);
        table.extend((at as u32).to_be_bytes());
        table.extend((content.len() as u32).to_be_bytes());
    }
    let mut profile = ((data_at + data.len()) as u32).to_be_bytes().to_vec();
    // No preferred module; version 4.4, a display; its space, and that of connection.
    profile.extend(b"\0\0\0\0\x04\x40\0\0mntr");
    profile.extend(space);
    profile.extend(b"XYZ ");
    let date = [2026_u16, 1, 1, 0, 0, 0];
    profile.extend(date.iter().flat_map(|field| field.to_be_bytes()));
    profile.extend(b"acsp");
    profile.resize(HEADER - 60, 0);
    profile.extend(WHITE.iter().flat_map(|&value| fixed(value)));
    profile.resize(HEADER, 0);
    profile.extend(table);
    profile.extend(data);
    profile
}

/// A tag of numbers.
fn tag(kind: &[u8; 4], values: &[f64]) -> Vec<u8> {
    let mut tag = kind.to_vec();
    tag.extend([0; 4]);
    tag.extend(values.iter().flat_map(|&value| fixed(value)));
    tag
}

/// A tag of a text in English, padded to four bytes.
fn text(text: &str) -> Vec<u8> {
    let units: Vec<u8> = text.encode_utf16().flat_map(u16::to_be_bytes).collect();
    let mut tag = b"mluc\0\0\0\0\0\0\0\x01\0\0\0\x0CenUS".to_vec();
    tag.extend((units.len() as u32).to_be_bytes());
    tag.extend(28_u32.to_be_bytes());
    tag.extend(units);
    tag.resize(tag.len().next_multiple_of(4), 0);
    tag
}

/// A number with sixteen bits behind the point.
fn fixed(value: f64) -> [u8; 4] {
    ((value * 65_536.0).round() as i32).to_be_bytes()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn its_own_profiles_have_names() {
        assert_eq!(name(&srgb(false)).as_deref(), Some("sRGB"));
        assert_eq!(name(&srgb(true)).as_deref(), Some("sRGB gray"));
        assert!(srgb(false).len() <= 512, "{}", srgb(false).len());
    }

    #[test]
    fn a_name_of_version_2_is_read() {
        let mut tag = b"desc\0\0\0\0\0\0\0\x09Adobe RGB".to_vec();
        let mut profile = vec![0; HEADER];
        profile.extend(1_u32.to_be_bytes());
        profile.extend(b"desc");
        profile.extend(144_u32.to_be_bytes());
        profile.extend((tag.len() as u32).to_be_bytes());
        profile.append(&mut tag);
        assert_eq!(name(&profile).as_deref(), Some("Adobe RGB"));
        for length in 0..profile.len() {
            assert_eq!(name(&profile[..length]), None);
        }
    }
}
