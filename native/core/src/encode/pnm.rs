//! PNM: the plain binary maps (P5, P6) for what has 8 bits and no alpha, which everything reads;
//! the arbitrary map (P7) for the rest.

use super::farbfeld::put_big_endian;
use super::sink::Sink;
use super::spans::SpanFormat;
use crate::{Depth, Error, Layout, Picture};

pub(super) struct Pnm {
    layout: Layout,
}

impl Pnm {
    pub(super) fn new(picture: &Picture) -> Self {
        Pnm { layout: picture.layout }
    }
}

impl SpanFormat for Pnm {
    fn begin(&mut self, picture: &Picture, sink: &mut Sink) -> Result<(), Error> {
        sink.check(picture.samples.bytes().len() as u64)?;
        let Picture { width, height, layout, .. } = *picture;
        let most = if layout.depth == Depth::U8 { 255 } else { 65_535 };
        let (map, tuple) = match layout.channels {
            1 => ("P5", "GRAYSCALE"),
            2 => ("P7", "GRAYSCALE_ALPHA"),
            3 => ("P6", "RGB"),
            _ => ("P7", "RGB_ALPHA"),
        };
        let header = if map == "P7" || layout.depth != Depth::U8 {
            let depth = layout.channels;
            format!(
                "P7\nWIDTH {width}\nHEIGHT {height}\nDEPTH {depth}\nMAXVAL {most}\n\
                 TUPLTYPE {tuple}\nENDHDR\n"
            )
        } else {
            format!("{map}\n{width} {height} {most}\n")
        };
        sink.put(header.as_bytes())
    }

    fn span(&mut self, pixels: &[u8], sink: &mut Sink) -> Result<(), Error> {
        if self.layout.depth == Depth::U8 { sink.put(pixels) } else { put_big_endian(pixels, sink) }
    }
}
