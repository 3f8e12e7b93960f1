//! A TIFF of 16 by 12 pixels, and whatever fields it is to have.

pub(crate) struct Tiff {
    entries: Vec<(u16, u16, u32, Vec<u8>)>,
    pixels: Vec<u8>,
}

const BYTE: u16 = 1;
const SHORT: u16 = 3;
const LONG: u16 = 4;
const UNDEFINED: u16 = 7;

const SIZE: (u32, u32) = (16, 12);

impl Tiff {
    /// Gray, gray with alpha, RGB, RGB with alpha, or CMYK.
    pub(crate) fn new(channels: u16, bits: u16, is_printed: bool) -> Self {
        let len = SIZE.0 * SIZE.1 * u32::from(channels) * u32::from(bits / 8);
        let pixels = (0..len).map(|at| (at * 37 % 251) as u8).collect();
        let mut tiff = Tiff { entries: Vec::new(), pixels };
        tiff.long(256, SIZE.0);
        tiff.long(257, SIZE.1);
        tiff.shorts(258, &vec![bits; channels.into()]);
        tiff.shorts(259, &[1]);
        let is_printed = is_printed && channels == 4;
        tiff.shorts(
            262,
            &[if is_printed {
                5
            } else if channels > 2 {
                2
            } else {
                1
            }],
        );
        tiff.shorts(277, &[channels]);
        tiff.long(278, SIZE.1);
        tiff.long(279, len);
        if !is_printed && channels % 2 == 0 {
            tiff.shorts(338, &[2]);
        }
        tiff
    }

    fn long(&mut self, tag: u16, value: u32) {
        self.entries.push((tag, LONG, 1, value.to_le_bytes().to_vec()));
    }

    fn shorts(&mut self, tag: u16, values: &[u16]) {
        let bytes = values.iter().flat_map(|value| value.to_le_bytes()).collect();
        self.entries.push((tag, SHORT, values.len() as u32, bytes));
    }

    pub(crate) fn undefined(&mut self, tag: u16, value: Vec<u8>) {
        self.entries.push((tag, UNDEFINED, value.len() as u32, value));
    }

    pub(crate) fn bytes(&mut self, tag: u16, value: Vec<u8>) {
        self.entries.push((tag, BYTE, value.len() as u32, value));
    }

    pub(crate) fn write(mut self) -> Vec<u8> {
        let count = self.entries.len() as u32 + 1;
        let values_at = 8 + 2 + count * 12 + 4;
        self.long(273, values_at);
        self.entries.sort_by_key(|entry| entry.0);
        let mut values = self.pixels;
        let mut out = b"II\x2A\0\x08\0\0\0".to_vec();
        out.extend((count as u16).to_le_bytes());
        for (tag, kind, count, mut value) in self.entries {
            out.extend(tag.to_le_bytes());
            out.extend(kind.to_le_bytes());
            out.extend(count.to_le_bytes());
            if value.len() <= 4 {
                value.resize(4, 0);
                out.extend(value);
            } else {
                out.extend((values_at + values.len() as u32).to_le_bytes());
                values.extend(value);
            }
        }
        out.extend([0; 4]);
        out.extend(values);
        out
    }
}
