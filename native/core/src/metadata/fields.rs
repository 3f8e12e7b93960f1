//! EXIF as the fields that the standard names, read and written anew within bounds.
//!
//! Nothing else of a block survives: no thumbnail, no notes of the maker (whose offsets mean
//! nothing elsewhere), nothing between the values, no private tag. So nothing hidden goes along
//! into an output, and what `kamadak-exif` is given to read is short and has no loops.

use exif::{Context, Tag};

use super::block::{Block, Entry, Order, size_of};

/// The directories of a block. Each is read once, where it is first pointed to.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Directory {
    Image,
    Exif,
    Interop,
    Gps,
}

/// A value as it lies in the block, in its byte order.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct Field {
    pub directory: Directory,
    pub tag: u16,
    kind: u16,
    value: Vec<u8>,
}

/// The fields of a block, of each tag the first.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct Fields {
    order: Order,
    fields: Vec<Field>,
}

/// Directories of cameras have less than a hundred entries.
const MAX_ENTRIES: u64 = 1_000;

/// The longest value that is read, and all of them together. Segments of a JPEG are no longer.
const MAX_VALUE: usize = 16 << 10;
const MAX_VALUES: usize = 64 << 10;

/// What the fields take at the most: of each tag there is one.
pub(crate) const MAX_BYTES: usize = MAX_VALUES + (32 << 10);

/// What reading a block takes at the most, and writing one: a copy of the values, and a look at
/// every entry of the four directories.
pub(crate) const NANOS: u64 = 60_000;

const ASCII: u16 = 2;
const SHORT: u16 = 3;
const LONG: u16 = 4;
/// Of EXIF 3.0. Who does not know it reads it as ASCII.
const UTF8: u16 = 129;

const EXIF_DIRECTORY: u16 = 0x8769;
const GPS_DIRECTORY: u16 = 0x8825;
const INTEROP_DIRECTORY: u16 = 0xA005;

/// Where the data of strips, tiles, thumbnails and makers lies: of no use without them.
const OF_DATA: [u16; 7] = [0x0111, 0x0117, 0x0144, 0x0145, 0x0201, 0x0202, 0x927C];

impl Directory {
    const ALL: [Directory; 4] =
        [Directory::Image, Directory::Exif, Directory::Interop, Directory::Gps];

    pub(super) fn tag(self, number: u16) -> Tag {
        let context = match self {
            Directory::Image => Context::Tiff,
            Directory::Exif => Context::Exif,
            Directory::Gps => Context::Gps,
            Directory::Interop => Context::Interop,
        };
        Tag(context, number)
    }

    /// The directory that an entry of this one points to.
    fn child(self, tag: u16) -> Option<Directory> {
        match (self, tag) {
            (Directory::Image, EXIF_DIRECTORY) => Some(Directory::Exif),
            (Directory::Image, GPS_DIRECTORY) => Some(Directory::Gps),
            (Directory::Exif, INTEROP_DIRECTORY) => Some(Directory::Interop),
            _ => None,
        }
    }

    fn is_named(self, tag: u16) -> bool {
        !OF_DATA.contains(&tag) && self.tag(tag).description().is_some()
    }
}

/// Whether a type is one that EXIF knows.
fn is_known(kind: u16) -> bool {
    matches!(kind, 1..=12 | UTF8)
}

impl Fields {
    /// What a block holds, as far as it can be read. `None` if it is no such block.
    pub(crate) fn read(block: &[u8]) -> Option<Fields> {
        let (block, first) = Block::of(block)?;
        let mut read = Fields { order: block.order, fields: Vec::new() };
        // In the order in which they are found, which is that of their pointers.
        let mut directories = vec![(Directory::Image, first)];
        let mut room = MAX_VALUES;
        let mut next = 0;
        while let Some(&(directory, at)) = directories.get(next) {
            next += 1;
            for Entry { tag, kind, value } in block.entries(at, MAX_ENTRIES) {
                if let Some(child) = directory.child(tag) {
                    let is_new = directories.iter().all(|(known, _)| *known != child);
                    directories
                        .extend(block.pointer(value).filter(|_| is_new).map(|at| (child, at)));
                    continue;
                }
                let value = if matches!(kind, ASCII | UTF8) { text(value) } else { value };
                let fits = !value.is_empty() && value.len() <= MAX_VALUE.min(room);
                if fits
                    && is_known(kind)
                    && directory.is_named(tag)
                    && read.get(directory, tag).is_none()
                {
                    room -= value.len();
                    let kind = if kind == UTF8 { ASCII } else { kind };
                    read.fields.push(Field { directory, tag, kind, value: value.to_vec() });
                }
            }
        }
        Some(read)
    }

    pub(crate) fn get(&self, directory: Directory, tag: u16) -> Option<&Field> {
        self.fields.iter().find(|field| field.directory == directory && field.tag == tag)
    }

    pub(crate) fn is_empty(&self) -> bool {
        self.fields.is_empty()
    }

    /// Leaves out those that are not wanted.
    pub(crate) fn retain(&mut self, is_wanted: impl FnMut(&Field) -> bool) {
        self.fields.retain(is_wanted);
    }

    /// Says something else in a field, if it is there.
    pub(crate) fn replace_short(&mut self, directory: Directory, tag: u16, value: u16) {
        let value = self.order.short(value).to_vec();
        self.replace(directory, tag, SHORT, value);
    }

    pub(crate) fn replace_long(&mut self, directory: Directory, tag: u16, value: u32) {
        let value = self.order.long(value).to_vec();
        self.replace(directory, tag, LONG, value);
    }

    fn replace(&mut self, directory: Directory, tag: u16, kind: u16, value: Vec<u8>) {
        let of = |field: &&mut Field| field.directory == directory && field.tag == tag;
        if let Some(field) = self.fields.iter_mut().find(of) {
            (field.kind, field.value) = (kind, value);
        }
    }

    /// The fields as a block, which begins with its byte order.
    pub(crate) fn write(&self) -> Vec<u8> {
        let starts = self.starts(&Directory::ALL, HEADER);
        let mut out = Vec::new();
        out.extend(if self.order == Order::Little { b"II" } else { b"MM" });
        out.extend(self.order.short(42));
        out.extend(self.order.long(HEADER as u32));
        self.put(&starts, 0, &mut out);
        out
    }

    /// The fields as a part of a TIFF in an order of bytes: entries for the directory of its
    /// picture, and a block that stands at a place in the file, which they point into.
    pub(crate) fn write_into(self, order: Order, at: usize) -> (Vec<[u8; ENTRY]>, Vec<u8>) {
        let fields = self.in_order(order);
        let starts = fields.starts(&Directory::ALL[1..], at);
        let mut out = Vec::new();
        fields.put(&starts, at, &mut out);
        let entries = fields.entries(Directory::Image, &starts);
        let (table, values) = fields.table(&entries, at + out.len());
        out.extend(values);
        (table, out)
    }

    fn in_order(mut self, order: Order) -> Fields {
        if order != self.order {
            let has_none = |field: &Field| {
                field.directory != Directory::Exif || !OF_NUMBERS.contains(&field.tag)
            };
            self.retain(has_none);
            self.fields.iter_mut().for_each(Field::turn);
            self.order = order;
        }
        self
    }

    /// Where those of the directories begin that have to be written, one behind the other.
    fn starts(&self, directories: &[Directory], mut next: usize) -> Vec<(Directory, usize)> {
        let mut starts = Vec::new();
        for &directory in directories.iter().filter(|directory| self.has(**directory)) {
            starts.push((directory, next));
            next += length(&self.entries(directory, &[]));
        }
        starts
    }

    /// Whether a directory has to be written: for its fields, or for what it points to.
    fn has(&self, directory: Directory) -> bool {
        let own = self.fields.iter().any(|field| field.directory == directory);
        own || directory == Directory::Image
            || directory == Directory::Exif && self.has(Directory::Interop)
    }

    /// What a directory consists of, in the order of its tags. Pointers are to these starts.
    fn entries(&self, directory: Directory, starts: &[(Directory, usize)]) -> Vec<Field> {
        let own = self.fields.iter().filter(|field| field.directory == directory).cloned();
        let start = |child| starts.iter().find(|start| start.0 == child).map_or(0, |start| start.1);
        let pointers = POINTERS
            .iter()
            .filter(|(tag, child)| directory.child(*tag) == Some(*child) && self.has(*child));
        let pointers = pointers.map(|&(tag, child)| Field {
            directory,
            tag,
            kind: LONG,
            value: self.order.long(start(child) as u32).to_vec(),
        });
        let mut entries: Vec<_> = own.chain(pointers).collect();
        entries.sort_by_key(|field| field.tag);
        entries
    }

    /// Puts directories behind what is there, which begins at a place.
    fn put(&self, directories: &[(Directory, usize)], begins: usize, out: &mut Vec<u8>) {
        for (directory, _) in directories {
            let entries = self.entries(*directory, directories);
            let behind = begins + out.len() + TABLE + ENTRY * entries.len();
            let (table, values) = self.table(&entries, behind);
            out.extend(self.order.short(entries.len() as u16));
            out.extend(table.as_flattened());
            // No directory follows: that would be the thumbnail's.
            out.extend([0; 4]);
            out.extend(values);
        }
    }

    /// The entries of a directory, and their longer values, which stand at a place.
    fn table(&self, entries: &[Field], at: usize) -> (Vec<[u8; ENTRY]>, Vec<u8>) {
        let mut values = Vec::new();
        let entry = |Field { tag, kind, value, .. }: &Field| {
            let count = value.len() / size_of(*kind).unwrap_or(1);
            let mut room = [0; INLINE];
            if let Some(room) = room.get_mut(..value.len()) {
                room.copy_from_slice(value);
            } else {
                room = self.order.long((at + values.len()) as u32);
                values.extend(value);
                values.extend(std::iter::repeat_n(0, value.len() % 2));
            }
            let mut entry = [0; ENTRY];
            entry[..2].copy_from_slice(&self.order.short(*tag));
            entry[2..4].copy_from_slice(&self.order.short(*kind));
            entry[4..8].copy_from_slice(&self.order.long(count as u32));
            entry[8..].copy_from_slice(&room);
            entry
        };
        let table = entries.iter().map(entry).collect();
        (table, values)
    }
}

impl Field {
    /// The other order of bytes.
    fn turn(&mut self) {
        let (head, width) = match self.kind {
            3 | 8 => (0, 2),
            4 | 5 | 9 | 10 | 11 => (0, 4),
            12 => (0, 8),
            // A text that says which code it has.
            7 if self.value.starts_with(UNICODE) => (UNICODE.len(), 2),
            _ => return,
        };
        let numbers = self.value.get_mut(head..).unwrap_or_default();
        numbers.chunks_exact_mut(width).for_each(<[u8]>::reverse);
    }
}

/// The bytes of a block's header, of a directory without its entries, of an entry, and of the
/// longest value that an entry has room for.
const HEADER: usize = 8;
const TABLE: usize = 6;
const ENTRY: usize = 12;
const INLINE: usize = 4;

const UNICODE: &[u8] = b"UNICODE\0";

/// What EXIF says to be bytes, although there are numbers of more than one byte in it: curves,
/// patterns of filters, settings, and times of exposures.
const OF_NUMBERS: [u16; 5] = [0x8828, 0xA20C, 0xA302, 0xA40B, 0xA462];

const POINTERS: [(u16, Directory); 3] = [
    (EXIF_DIRECTORY, Directory::Exif),
    (GPS_DIRECTORY, Directory::Gps),
    (INTEROP_DIRECTORY, Directory::Interop),
];

/// The bytes of a directory and its values, which begin at even places.
fn length(entries: &[Field]) -> usize {
    let values = entries.iter().map(|field| field.value.len()).filter(|&len| len > INLINE);
    TABLE + ENTRY * entries.len() + values.map(|len| len.next_multiple_of(2)).sum::<usize>()
}

/// A text without what is behind its end. A copyright has two, the photographer's and the
/// editor's.
fn text(value: &[u8]) -> &[u8] {
    let ends = value.iter().enumerate().filter(|(_, byte)| **byte == 0);
    let second = ends.map(|(at, _)| at + 1).nth(1).unwrap_or(value.len());
    let text = value.get(..second).unwrap_or(value);
    let length = text.iter().rposition(|&byte| byte != 0).map_or(0, |last| last + 1);
    // With a null behind it, if one was there.
    text.get(..length + usize::from(length > 0 && length < text.len())).unwrap_or(text)
}

#[cfg(test)]
mod tests {
    use super::*;

    /// A block of entries whose values are put behind them.
    fn block(order: Order, entries: &[(Directory, u16, u16, &[u8])]) -> Vec<u8> {
        let field = |&(directory, tag, kind, value): &(_, _, _, &[u8])| Field {
            directory,
            tag,
            kind,
            value: value.to_vec(),
        };
        Fields { order, fields: entries.iter().map(field).collect() }.write()
    }

    fn read(bytes: &[u8]) -> Fields {
        Fields::read(bytes).unwrap_or_else(|| unreachable!("it is a block"))
    }

    const ENTRIES: [(Directory, u16, u16, &[u8]); 6] = [
        (Directory::Image, 0x010F, ASCII, b"Maker\0"),
        (Directory::Image, 0x0112, SHORT, &[0, 6]),
        (Directory::Exif, 0x9003, ASCII, b"2026:01:02 03:04:05\0"),
        (Directory::Exif, 0x927C, 7, b"a maker's note"),
        (Directory::Interop, 0x0001, ASCII, b"R98\0"),
        (Directory::Gps, 0x0001, ASCII, b"N\0"),
    ];

    #[test]
    fn what_is_written_is_read() {
        for order in [Order::Little, Order::Big] {
            let fields = read(&block(order, &ENTRIES));
            assert_eq!(fields.order, order);
            let tags = [0x010F, 0x0112, 0x9003, 0x0001, 0x0001];
            let mut found: Vec<_> = fields.fields.iter().map(|field| field.tag).collect();
            found.sort_unstable();
            assert_eq!(found, [0x0001, 0x0001, 0x010F, 0x0112, 0x9003], "{tags:?}");
            assert_eq!(read(&fields.write()), {
                let mut again = fields.clone();
                again.fields = read(&fields.write()).fields;
                again
            });
            let date = fields.get(Directory::Exif, 0x9003).map(|field| &field.value[..]);
            assert_eq!(date, Some(&b"2026:01:02 03:04:05\0"[..]));
        }
    }
}
