//! Attachments as the chunks of a PNG, in steps.

use std::collections::VecDeque;
use std::io::Write;

use bytes::Bytes;
use flate2::write::ZlibEncoder;
use flate2::{Compression, Crc};

use thumbelina_codec::Held;

use super::super::blocks;
use super::super::options::Attachments;
use super::super::sink::Sink;
use crate::Error;

#[derive(Default)]
pub(super) struct Chunks {
    profile: Option<Profile>,
    /// Those that are written as they are.
    plain: VecDeque<Chunk>,
    /// What comes behind them.
    after: Vec<u8>,
    /// The chunk that is being written, and the sum of what was.
    current: Option<Current>,
}

struct Current {
    rest: Bytes,
    crc: Crc,
    _held: Option<Held>,
}

struct Chunk {
    kind: [u8; 4],
    header: &'static [u8],
    content: Bytes,
}

/// A profile that is being compressed.
struct Profile {
    rest: Bytes,
    encoder: ZlibEncoder<Vec<u8>>,
    held: Held,
}

/// Compressed in a step: a tenth of a millisecond.
const PROFILE_STEP: usize = 8 << 10;

/// The name that PNG wants a profile to have, and the method: zlib.
const PROFILE_NAME: &[u8] = b"ICC profile\0\0";
/// The keyword; not compressed; no language and no translated keyword.
const XMP: &[u8] = b"XML:com.adobe.xmp\0\0\0\0\0";

impl Chunks {
    /// `after` is what is written behind them.
    pub(super) fn new(
        attachments: &Attachments,
        sink: &Sink,
        after: Vec<u8>,
    ) -> Result<Self, Error> {
        let profile = attachments.icc().map(|icc| {
            let encoder = ZlibEncoder::new(Vec::new(), Compression::default());
            // What does not shrink grows by less than that.
            let held = sink.hold(icc.len() as u64 * 2 + 1024)?;
            Ok::<_, Error>(Profile { rest: icc.clone(), encoder, held })
        });
        let plain = |kind: &[u8; 4], header, content: Option<&Bytes>| {
            content.map(|content| Chunk { kind: *kind, header, content: content.clone() })
        };
        let exif = plain(b"eXIf", b"", attachments.exif());
        let xmp = plain(b"iTXt", XMP, attachments.xmp());
        Ok(Chunks {
            profile: profile.transpose()?,
            plain: exif.into_iter().chain(xmp).collect(),
            after,
            current: None,
        })
    }

    /// Writes some of them. `true` where none was left.
    pub(super) fn step(&mut self, sink: &mut Sink) -> Result<bool, Error> {
        if let Some(Current { rest, crc, .. }) = &mut self.current {
            let piece = rest.split_to(rest.len().min(blocks::STEP_BYTES));
            crc.update(&piece);
            sink.put(&piece)?;
            if rest.is_empty() {
                sink.put(&crc.sum().to_be_bytes())?;
                self.current = None;
            }
            return Ok(false);
        }
        if let Some(mut profile) = self.profile.take() {
            let piece = profile.rest.split_to(profile.rest.len().min(PROFILE_STEP));
            profile.encoder.write_all(&piece).map_err(|_| Error::Internal)?;
            if profile.rest.is_empty() {
                let content = profile.encoder.finish().map_err(|_| Error::Internal)?;
                self.begin(*b"iCCP", PROFILE_NAME, content.into(), sink)?;
                self.hold(profile.held);
            } else {
                self.profile = Some(profile);
            }
            return Ok(false);
        }
        let Some(Chunk { kind, header, content }) = self.plain.pop_front() else {
            sink.put(&std::mem::take(&mut self.after))?;
            return Ok(true);
        };
        self.begin(kind, header, content, sink)?;
        Ok(false)
    }

    fn begin(
        &mut self,
        kind: [u8; 4],
        header: &[u8],
        content: Bytes,
        sink: &mut Sink,
    ) -> Result<(), Error> {
        let len = (header.len() + content.len()) as u32;
        sink.put(&len.to_be_bytes())?;
        let mut crc = Crc::new();
        for part in [&kind, header] {
            crc.update(part);
            sink.put(part)?;
        }
        self.current = Some(Current { rest: content, crc, _held: None });
        Ok(())
    }

    /// What the current chunk takes of the budget, until it is written.
    fn hold(&mut self, held: Held) {
        if let Some(current) = &mut self.current {
            current._held = Some(held);
        }
    }
}
