//! TIFF in the machine's own byte order: strips of about a megabyte, then the
//! directory.

use bytes::Bytes;

use super::blocks::Blocks;
use super::options::{Attachments, Compression, EncodeOptions};
use super::sink::Sink;
use super::spans::SpanFormat;
use super::strips::{self, Strips};
use super::writer::within_u32;
use crate::metadata::{Fields, Order};
use crate::{Depth, Error, Layout, Picture};

pub(super) struct Tiff {
    width: u32,
    height: u32,
    layout: Layout,
    /// Attachments, and the entries that point to them.
    attached: Vec<Bytes>,
    entries: Vec<Entry>,
    strips: Strips,
    compression: Option<Compression>,
    /// Where each strip that was begun starts, and the rows that the last one has.
    starts: Vec<u32>,
    rows: u64,
    ends: Vec<u32>,
}

type Entry = [u8; 12];

/// Where the file's first bytes tell the directory to be.
const DIRECTORY_AT: u64 = 4;

/// The two resolutions and the attachments stand between the first bytes and the strips.
const RESOLUTIONS_AT: u32 = 8;
const ATTACHED_AT: u32 = RESOLUTIONS_AT + 16;

const NO_COMPRESSION: u16 = 1;

const STRIP_BYTES: u64 = 1_000_000;

/// Types of values, and how many bytes they take.
const BYTE: (u16, usize) = (1, 1);
const UNDEFINED: (u16, usize) = (7, 1);
const SHORT: (u16, usize) = (3, 2);
const LONG: (u16, usize) = (4, 4);
const RATIONAL: (u16, usize) = (5, 8);

impl Tiff {
    pub(super) fn new(picture: &Picture, options: &EncodeOptions) -> Result<Self, Error> {
        let Picture { width, height, layout, .. } = *picture;
        let (attached, entries) = attached(&options.attachments);
        Ok(Tiff {
            width,
            height,
            layout,
            attached,
            entries,
            strips: Strips::new(options.compression, layout)?,
            compression: options.compression,
            starts: Vec::new(),
            rows: 0,
            ends: Vec::new(),
        })
    }

    fn row_bytes(&self) -> u64 {
        u64::from(self.width) * self.layout.pixel_bytes() as u64
    }

    fn rows_per_strip(&self) -> u64 {
        STRIP_BYTES.div_ceil(self.row_bytes().max(1))
    }

    /// Where the strips begin.
    fn strips_at(&self) -> u32 {
        ATTACHED_AT + self.attached.iter().map(|bytes| padded(bytes) as u32).sum::<u32>()
    }

    /// Whether what is attached has an entry of a tag.
    fn has(&self, tag: u16) -> bool {
        self.entries.iter().any(|entry| tag_of(entry) == tag)
    }
}

/// Attachments as they stand behind the resolutions, and entries for them.
fn attached(attachments: &Attachments) -> (Vec<Bytes>, Vec<Entry>) {
    let (mut attached, mut entries) = (Vec::new(), Vec::new());
    let mut at = ATTACHED_AT;
    let whole = [
        (700, BYTE, attachments.xmp()),
        (33_723, LONG, attachments.iptc()),
        (34_675, UNDEFINED, attachments.icc()),
    ];
    for (tag, kind, bytes) in whole {
        // Values of four bytes or less would have to stand in the directory, and say nothing.
        let Some(bytes) = bytes.filter(|bytes| bytes.len() > 4) else { continue };
        let count = bytes.len().div_ceil(kind.1) as u32;
        entries.push(entry(tag, kind, count, at.to_ne_bytes()));
        at += padded(bytes) as u32;
        attached.push(bytes.clone());
    }
    let exif = attachments.exif().and_then(|exif| Fields::read(exif));
    if let Some(exif) = exif {
        let order = if cfg!(target_endian = "little") { Order::Little } else { Order::Big };
        let (table, block) = exif.write_into(order, at as usize);
        entries.extend(table.into_iter().filter(|entry| !OWN.contains(&tag_of(entry))));
        attached.push(block.into());
    }
    (attached, entries)
}

/// What describes the samples, and is not for EXIF to say.
const OWN: [u16; 12] = [256, 257, 258, 259, 262, 273, 277, 278, 279, 317, 338, 339];

fn entry(tag: u16, kind: (u16, usize), count: u32, value: [u8; 4]) -> Entry {
    let mut entry = [0; 12];
    entry[..2].copy_from_slice(&tag.to_ne_bytes());
    entry[2..4].copy_from_slice(&kind.0.to_ne_bytes());
    entry[4..8].copy_from_slice(&count.to_ne_bytes());
    entry[8..].copy_from_slice(&value);
    entry
}

fn tag_of(entry: &Entry) -> u16 {
    u16::from_ne_bytes([entry[0], entry[1]])
}

/// The bytes of an attachment with the zeros behind it: what is said to be longs is a multiple of
/// four bytes.
fn padded(bytes: &Bytes) -> usize {
    bytes.len().next_multiple_of(4)
}

/// A directory, whose longer values are written before it.
struct Directory<'a> {
    sink: &'a mut Sink,
    entries: Vec<Entry>,
}

impl Directory<'_> {
    fn entry(&mut self, tag: u16, kind: (u16, usize), count: u32, value: [u8; 4]) {
        self.entries.push(entry(tag, kind, count, value));
    }

    fn short(&mut self, tag: u16, value: u16) {
        let [low, high] = value.to_ne_bytes();
        self.entry(tag, SHORT, 1, [low, high, 0, 0]);
    }

    fn long(&mut self, tag: u16, value: u32) {
        self.entry(tag, LONG, 1, value.to_ne_bytes());
    }

    /// One short for each of so many samples.
    fn shorts(&mut self, tag: u16, value: u16, count: u8) -> Result<(), Error> {
        if count == 1 {
            self.short(tag, value);
            return Ok(());
        }
        let at = within_u32(self.sink.len())?;
        (0..count).try_for_each(|_| self.sink.put(&value.to_ne_bytes()))?;
        self.entry(tag, SHORT, count.into(), at.to_ne_bytes());
        Ok(())
    }

    /// One long for each strip.
    fn longs(&mut self, tag: u16, values: &[u32]) -> Result<(), Error> {
        if let &[only] = values {
            self.long(tag, only);
            return Ok(());
        }
        let at = within_u32(self.sink.len())?;
        values.iter().try_for_each(|value| self.sink.put(&value.to_ne_bytes()))?;
        self.entry(tag, LONG, values.len() as u32, at.to_ne_bytes());
        Ok(())
    }
}

impl SpanFormat for Tiff {
    fn begin(&mut self, _picture: &Picture, sink: &mut Sink) -> Result<(), Error> {
        let pixels = self.row_bytes() * u64::from(self.height);
        if self.strips.tag() == NO_COMPRESSION {
            sink.check(pixels)?;
        }
        within_u32(pixels + u64::from(self.strips_at()))?;
        sink.put(if cfg!(target_endian = "little") { b"II" } else { b"MM" })?;
        sink.put(&42u16.to_ne_bytes())?;
        // The directory's place, which is not known yet; then both resolutions, 1/1.
        sink.put(&[0; 4])?;
        [1u32; 4].iter().try_for_each(|one| sink.put(&one.to_ne_bytes()))
    }

    fn blocks(&mut self) -> Blocks {
        let mut blocks = Blocks::default();
        for bytes in &self.attached {
            blocks.push(bytes.clone());
            blocks.push(&[0; 3][..padded(bytes) - bytes.len()]);
        }
        blocks
    }

    fn times(&self) -> u64 {
        strips::times(self.compression)
    }

    fn span(&mut self, pixels: &[u8], sink: &mut Sink) -> Result<(), Error> {
        if self.starts.len() == self.ends.len() {
            self.starts.push(within_u32(sink.len())?);
        }
        self.strips.put(pixels, sink)
    }

    fn end_row(&mut self, sink: &mut Sink) -> Result<(), Error> {
        self.strips.begin_row();
        self.rows += 1;
        if self.rows.is_multiple_of(self.rows_per_strip()) || self.rows == self.height.into() {
            self.strips.end_strip(sink)?;
            self.ends.push(within_u32(sink.len())?);
        }
        Ok(())
    }

    fn end(&mut self, sink: &mut Sink) -> Result<(), Error> {
        let channels = self.layout.channels;
        let starts = &self.starts;
        let lengths: Vec<u32> =
            starts.iter().zip(&self.ends).map(|(start, end)| end - start).collect();
        let mut directory = Directory { sink, entries: Vec::new() };
        directory.long(256, self.width);
        directory.long(257, self.height);
        directory.shorts(258, self.layout.depth.bytes() as u16 * 8, channels)?;
        directory.short(259, self.strips.tag());
        // Black is 0, or RGB.
        directory.short(262, if channels == 1 { 1 } else { 2 });
        // Longer values are in the order in which `tiff` writes them.
        let format = if self.layout.depth == Depth::F32 { 3 } else { 1 };
        directory.shorts(339, format, channels)?;
        directory.longs(273, starts)?;
        directory.short(277, channels.into());
        directory.long(278, within_u32(self.rows_per_strip())?);
        directory.longs(279, &lengths)?;
        if self.strips.predicts {
            directory.short(317, 2);
        }
        if self.layout.has_alpha() {
            // Colors are not multiplied by it.
            directory.short(338, 2);
        }
        let resolutions = [(282, RESOLUTIONS_AT), (283, RESOLUTIONS_AT + 8)];
        for (tag, at) in resolutions {
            if !self.has(tag) {
                directory.entry(tag, RATIONAL, 1, at.to_ne_bytes());
            }
        }
        if !self.has(296) {
            // EXIF's are per inch, if it says no more. Ours have no unit.
            directory.short(296, if self.has(282) || self.has(283) { 2 } else { 1 });
        }
        directory.entries.extend(&self.entries);
        directory.entries.sort_by_key(tag_of);

        let Directory { entries, .. } = directory;
        let at = within_u32(sink.len())?;
        sink.put(&(entries.len() as u16).to_ne_bytes())?;
        entries.iter().try_for_each(|entry| sink.put(entry))?;
        // No directory follows.
        sink.put(&[0; 4])?;
        sink.patch(DIRECTORY_AT, &at.to_ne_bytes())
    }
}
