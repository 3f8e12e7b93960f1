//! The directories of a TIFF structure, which EXIF is too, as far as they can be read: nothing here
//! fails because of an entry that is wrong.

#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Order {
    Little,
    Big,
}

impl Order {
    pub(crate) fn u16(self, bytes: [u8; 2]) -> u16 {
        if self == Order::Little { u16::from_le_bytes(bytes) } else { u16::from_be_bytes(bytes) }
    }

    pub(crate) fn u32(self, bytes: [u8; 4]) -> u32 {
        if self == Order::Little { u32::from_le_bytes(bytes) } else { u32::from_be_bytes(bytes) }
    }

    pub(crate) fn u64(self, bytes: [u8; 8]) -> u64 {
        if self == Order::Little { u64::from_le_bytes(bytes) } else { u64::from_be_bytes(bytes) }
    }

    pub(crate) fn short(self, value: u16) -> [u8; 2] {
        if self == Order::Little { value.to_le_bytes() } else { value.to_be_bytes() }
    }

    pub(crate) fn long(self, value: u32) -> [u8; 4] {
        if self == Order::Little { value.to_le_bytes() } else { value.to_be_bytes() }
    }
}

/// The bytes of one value of a type.
pub(crate) fn size_of(kind: u16) -> Option<usize> {
    match kind {
        1 | 2 | 6 | 7 | 129 => Some(1),
        3 | 8 => Some(2),
        4 | 9 | 11 | 13 => Some(4),
        // The last two are BigTIFF's.
        5 | 10 | 12 | 16 | 18 => Some(8),
        _ => None,
    }
}

/// As many as a directory can have.
const MOST_ENTRIES: u64 = u16::MAX as u64;

/// A block, or a whole TIFF or BigTIFF file.
#[derive(Clone, Copy)]
pub(crate) struct Block<'a> {
    bytes: &'a [u8],
    pub(crate) order: Order,
    /// BigTIFF's numbers have twice as many bytes.
    is_big: bool,
}

/// An entry whose value is there.
pub(crate) struct Entry<'a> {
    pub(crate) tag: u16,
    pub(crate) kind: u16,
    pub(crate) value: &'a [u8],
}

impl Entry<'_> {
    /// Its only value, if that is a whole number. With a sign, one of 0 or more looks the same.
    pub(crate) fn integer(&self, order: Order) -> Option<u32> {
        match (self.kind, self.value) {
            (1 | 6, &[byte]) => Some(byte.into()),
            (3 | 8, &[a, b]) => Some(order.u16([a, b]).into()),
            (4 | 9, &[a, b, c, d]) => Some(order.u32([a, b, c, d])),
            _ => None,
        }
    }
}

impl<'a> Block<'a> {
    /// The block, and where its first directory is.
    pub(crate) fn of(bytes: &'a [u8]) -> Option<(Self, u64)> {
        let order = match bytes.first_chunk::<2>()? {
            b"II" => Order::Little,
            b"MM" => Order::Big,
            _ => return None,
        };
        let mut block = Block { bytes, order, is_big: false };
        match block.u16(2)? {
            42 => Some((block, block.u32(4)?.into())),
            43 => {
                block.is_big = true;
                Some((block, block.u64(8)?))
            }
            _ => None,
        }
    }

    fn at<const N: usize>(&self, at: u64) -> Option<[u8; N]> {
        self.bytes.get(usize::try_from(at).ok()?..)?.first_chunk().copied()
    }

    fn u16(&self, at: u64) -> Option<u16> {
        self.at(at).map(|bytes| self.order.u16(bytes))
    }

    fn u32(&self, at: u64) -> Option<u32> {
        self.at(at).map(|bytes| self.order.u32(bytes))
    }

    fn u64(&self, at: u64) -> Option<u64> {
        self.at(at).map(|bytes| self.order.u64(bytes))
    }

    /// A count or an offset.
    fn wide(&self, at: u64) -> Option<u64> {
        if self.is_big { self.u64(at) } else { self.u32(at).map(u64::from) }
    }

    /// The offset that a value is.
    pub(crate) fn pointer(&self, value: &[u8]) -> Option<u64> {
        match *value {
            [a, b, c, d] => Some(self.order.u32([a, b, c, d]).into()),
            [a, b, c, d, e, f, g, h] => Some(self.order.u64([a, b, c, d, e, f, g, h])),
            _ => None,
        }
    }

    /// The first entries of the directory at a place, as far as they are there.
    pub(crate) fn entries(self, at: u64, most: u64) -> impl Iterator<Item = Entry<'a>> {
        let (count, head, length) = self.table(at).unwrap_or_default();
        let starts =
            (0..count.min(most)).map_while(move |index| at.checked_add(head + index * length));
        starts.filter_map(move |start| self.entry(start))
    }

    /// The first entry of a tag in the directory at a place.
    pub(crate) fn find(self, at: u64, tag: u16) -> Option<Entry<'a>> {
        self.entries(at, MOST_ENTRIES).find(|entry| entry.tag == tag)
    }

    /// Where the directory behind the one at a place is; 0 if there is none.
    pub(crate) fn next_directory(&self, at: u64) -> Option<u64> {
        let (count, head, length) = self.table(at)?;
        self.wide(count.checked_mul(length)?.checked_add(head)?.checked_add(at)?)
    }

    /// How many entries a directory has, and the bytes of that number, and of an entry.
    fn table(&self, at: u64) -> Option<(u64, u64, u64)> {
        if self.is_big {
            self.u64(at).map(|count| (count, 8, 20))
        } else {
            self.u16(at).map(|count| (count.into(), 2, 12))
        }
    }

    fn entry(&self, at: u64) -> Option<Entry<'a>> {
        let (tag, kind) = (self.u16(at)?, self.u16(at + 2)?);
        let wide = if self.is_big { 8 } else { 4 };
        let count = usize::try_from(self.wide(at + 4)?).ok()?;
        let length = count.checked_mul(size_of(kind)?)?;
        let value_at = at + 4 + wide;
        let start = if length as u64 <= wide { value_at } else { self.wide(value_at)? };
        let value = self.bytes.get(usize::try_from(start).ok()?..)?.get(..length)?;
        Some(Entry { tag, kind, value })
    }
}
