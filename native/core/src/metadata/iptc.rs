//! IPTC-IIM: records of a marker, a record number, a dataset number, a length and a value.

/// What a record says is behind its marker.
const MARKER: u8 = 0x1C;

/// The record that photographs are described in, and where its encoding is said.
const APPLICATION: u8 = 2;
const ENVELOPE: u8 = 1;
const CHARACTER_SET: u8 = 90;

/// By-line, its title, credit, source, copyright notice and contact.
const COPYRIGHT: [u8; 6] = [80, 85, 110, 115, 116, 118];

/// The format, the version and the data of a preview.
const PREVIEW: [u8; 3] = [200, 201, 202];

/// More bytes than descriptions have.
pub(crate) const MAX_LENGTH: usize = 64 << 10;

/// The records that are wanted, written anew: all of the description, or what it says of the
/// rights alone. `None` where nothing is left.
pub(crate) fn kept(records: &[u8], copyright_alone: bool) -> Option<Vec<u8>> {
    let mut kept = Vec::new();
    let mut says_something = false;
    let mut rest = records.get(..MAX_LENGTH).unwrap_or(records);
    while let [MARKER, record, dataset, high, low, after @ ..] = rest {
        // A longer one says how long its length is: it is a preview, or no description.
        let length = usize::from(u16::from_be_bytes([*high, *low]));
        let Some((value, next)) = after.split_at_checked(length) else { break };
        let describes = *record == APPLICATION
            && !PREVIEW.contains(dataset)
            && (!copyright_alone || COPYRIGHT.contains(dataset));
        if describes || (*record, *dataset) == (ENVELOPE, CHARACTER_SET) {
            says_something |= describes;
            kept.extend([MARKER, *record, *dataset, *high, *low]);
            kept.extend(value);
        }
        rest = next;
    }
    says_something.then_some(kept)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn record(number: u8, dataset: u8, value: &[u8]) -> Vec<u8> {
        let [high, low] = (value.len() as u16).to_be_bytes();
        [&[MARKER, number, dataset, high, low], value].concat()
    }

    #[test]
    fn what_is_wanted_is_kept() {
        let set = record(1, 90, b"\x1b%G");
        let caption = record(2, 120, b"a caption");
        let by_line = record(2, 80, b"somebody");
        let notice = record(2, 116, b"(c)");
        let preview = record(2, 202, &[7; 300]);
        let data = record(8, 10, b"data");
        let all =
            [&set, &caption, &by_line, &preview, &data, &notice].map(|part| &part[..]).concat();
        let wanted = [&set[..], &caption, &by_line, &notice].concat();
        assert_eq!(kept(&all, false), Some(wanted.clone()));
        assert_eq!(kept(&all, true), Some([&set[..], &by_line, &notice].concat()));
        assert_eq!(kept(&[set.clone(), caption.clone()].concat(), true), None);
        assert_eq!(kept(b"no records", false), None);
        // As far as they are whole.
        for length in 0..all.len() {
            let made = kept(&all[..length], false).unwrap_or_default();
            assert!(wanted.starts_with(&made), "{length}");
        }
    }

    #[test]
    fn a_length_of_more_than_two_bytes_is_the_end() {
        let long = [MARKER, 2, 120, 0x80, 4, 0, 0, 0, 1, b'a'];
        assert_eq!(kept(&long, false), None);
    }
}
