//! Metadata made to take long: no step holds a scheduler, and what a file says of itself is read
//! within the time and the memory that it is worth.
#![allow(clippy::unwrap_used, clippy::panic, reason = "a test fails by panicking")]

#[path = "common/trial.rs"]
mod trial;

use std::path::PathBuf;

use bytes::Bytes;
use cpu_time::ThreadTime;
use thumbelina_core::{Details, Error, Format, Formats, Keep, Limits, Output, Request};
use trial::counting::Counting;
use trial::{Arrival, PIECE, SLOWER, Schedulers, observe};

#[global_allocator]
static ALLOCATOR: Counting = Counting;

const ALL: Keep = Keep { exif: true, gps: true, copyright: true, xmp: true, iptc: true, icc: true };

fn fixture(name: &str) -> Vec<u8> {
    let path = PathBuf::from(env!("CARGO_MANIFEST_DIR")).join("../../test/fixtures").join(name);
    std::fs::read(&path).unwrap_or_else(|error| panic!("{}: {error}", path.display()))
}

fn limits() -> Limits {
    Limits { formats: Formats::all(), ..Limits::default() }
}

/// A PNG with a chunk behind its header.
fn png_with(kind: &[u8; 4], data: &[u8]) -> Bytes {
    let png = fixture("1x1.png");
    let mut crc = flate2::Crc::new();
    crc.update(kind);
    crc.update(data);
    let length = (data.len() as u32).to_be_bytes();
    let (start, rest) = png.split_at(33);
    [start, &length, kind, data, &crc.sum().to_be_bytes(), rest].concat().into()
}

fn png_with_xmp(packet: &str) -> Bytes {
    png_with(b"iTXt", &[b"XML:com.adobe.xmp\0\0\0\0\0", packet.as_bytes()].concat())
}

fn packet(namespaces: &str, properties: &str) -> String {
    format!(
        r#"<rdf:RDF xmlns:rdf="http://www.w3.org/1999/02/22-rdf-syntax-ns#" {namespaces}>
        <rdf:Description>{properties}</rdf:Description></rdf:RDF>"#
    )
}

/// Packets that make a reader do its worst, a little shorter than what is read.
fn packets() -> Vec<String> {
    let many = |part: &str| part.repeat((250 << 10) / part.len());
    let spaces: String = (0..60).map(|n| format!(r#" xmlns:n{n}="http://n/{n}""#)).collect();
    let declared = r#"xmlns:a="http://a""#;
    vec![
        packet(&spaces, &many("<n0:a/>")),
        packet(&spaces, &many("<n0:a n0:b=''/>")),
        packet(&spaces, &format!("<n0:a {}/>", many("n0:b='' "))),
        packet(declared, &format!("<a:a>{}</a:a>", many("&lt;"))),
        packet(declared, &format!("<a:a a:b='{}'/>", many("\""))),
        packet(declared, &format!("<a:a>{}</a:a>", many("<![CDATA[]]>"))),
        packet(declared, &many("<!---->")),
        packet(declared, &many(r#"<a:a xmlns:b="c"/>"#)),
        packet(declared, &many("<a:gps/>")),
    ]
}

/// A block whose four directories have as many entries as there can be, of all tags.
fn block() -> Vec<u8> {
    let mut block = b"MM\0\x2A\0\0\0\x08".to_vec();
    for pointer in [0x8769_u16, 0xA005, 0x8825] {
        let next = (block.len() + 2 + 12 * 0x3FFF + 4) as u32;
        block.extend(0x3FFF_u16.to_be_bytes());
        for index in 0..0x3FFF_u16 {
            let tag = if index == 0 { pointer } else { index.wrapping_mul(5) };
            let (kind, count, at): (u16, u32, u32) =
                if index == 0 { (4, 1, next) } else { (3, 40, 100) };
            block.extend(tag.to_be_bytes());
            block.extend(kind.to_be_bytes());
            block.extend(count.to_be_bytes());
            block.extend(at.to_be_bytes());
        }
        block.extend([0; 4]);
    }
    block
}

#[test]
fn keeping_metadata_holds_no_scheduler() {
    let text: Vec<u8> = [&b"\x1C\x02\x05\0\x01a"[..]; 10_000].concat();
    let iptc = [b"Photoshop 3.0\08BIM\x04\x04\0\0\0\0\xEA\x60".to_vec(), text].concat();
    let jpeg = fixture("1x1.jpg");
    let length = (iptc.len() as u16 + 2).to_be_bytes();
    let with_iptc = [&jpeg[..2], &[0xFF, 0xED], &length, &iptc, &jpeg[2..]].concat();
    let mut files: Vec<_> = packets().iter().map(|packet| png_with_xmp(packet)).collect();
    files.push(png_with(b"eXIf", &block()));
    files.push(with_iptc.into());
    for file in &files {
        for keep in [ALL, Keep { copyright: true, ..Keep::default() }] {
            let output = Output { metadata: keep, format: Some(Format::Jpeg), ..Output::default() };
            let output = Output { width: Some(1), ..output };
            let request = Request { limits: limits(), max_memory: 4 << 20, ..output.into() };
            for schedulers in [Schedulers::Normal, Schedulers::Dirty] {
                let trial = observe(file, request.clone(), Arrival::Whole, schedulers);
                assert!(trial.outcome.is_ok(), "{:?}", trial.outcome.err());
            }
        }
    }
}

#[test]
fn metadata_is_within_the_budget() {
    let packet = packet(r#"xmlns:a="http://a""#, &format!("<a:a>{}</a:a>", "a".repeat(200_000)));
    let file = png_with_xmp(&packet);
    let made = |max_memory, metadata| {
        let format = Some(Format::Png);
        let output = Output { width: Some(1), format, metadata, ..Output::default() };
        let request = Request { limits: limits(), max_memory, ..output.into() };
        observe(&file, request, Arrival::Whole, Schedulers::Normal).outcome
    };
    assert!(made(600_000, Keep::default()).is_ok());
    assert!(matches!(made(600_000, ALL), Err(Error::Limit { .. })));
    let kept = made(4 << 20, ALL).unwrap();
    assert!(kept[0].bytes.len() > 200_000);
}

/// A generator whose numbers are always the same.
struct Chance(u64);

impl Chance {
    fn below(&mut self, most: usize) -> usize {
        self.0 = self.0.wrapping_mul(6_364_136_223_846_793_005).wrapping_add(1);
        (self.0 >> 33) as usize % most.max(1)
    }
}

#[test]
fn details_of_broken_files_are_read_in_time() {
    let names = [
        "orientation-6.jpg",
        "orientation-6.png",
        "animated.gif",
        "alpha.webp",
        "photo.tif",
        "photo.ico",
        "photo.hdr",
        "photo.exr",
    ];
    let mut chance = Chance(1);
    let mut read = 0;
    for name in names {
        let file = fixture(name);
        for _ in 0..200 {
            let mut broken = file.clone();
            for _ in 0..1 + chance.below(6) {
                let at = chance.below(broken.len().min(600));
                broken[at] = [0, 1, 8, 0x7F, 0x80, 0xFF][chance.below(6)];
            }
            read += u32::from(is_read_in_time(&broken.into()));
        }
    }
    assert!(read > 300, "{read}");
}

#[test]
fn details_of_files_that_take_long_are_read_in_time() {
    let mut gif = fixture("1x1.gif");
    gif.pop();
    gif.extend(b"\x2C\0\0\0\0\x01\0\x01\0\0\x02".iter().chain([1, 0].iter().cycle().take(60_000)));
    let mut tiff = b"II\x2A\0\x08\0\0\0".to_vec();
    for page in 1..3_000_u32 {
        tiff.extend(b"\x01\0\x00\x01\x03\0\x01\0\0\0\x05\0\0\0");
        tiff.extend((8 + 18 * page).to_le_bytes());
    }
    let mut webp = fixture("alpha.webp");
    webp.extend([&b"ANMF\0\0\0\0"[..]; 8_000].concat());
    let packets = packets();
    let files = packets.iter().map(|packet| png_with_xmp(packet));
    for file in files.chain([gif.into(), tiff.into(), webp.into(), png_with(b"eXIf", &block())]) {
        is_read_in_time(&file);
    }
}

/// Whether it is a picture at all.
fn is_read_in_time(file: &Bytes) -> bool {
    let is_short = Details::are_read_shortly(file);
    let mut result = None;
    let took = (0..5).map(|_| {
        let started = ThreadTime::now();
        result = Some(Details::read(file.clone(), &limits()).is_ok());
        started.elapsed()
    });
    let took = took.min().unwrap();
    let allowed = if is_short { PIECE } else { 10 * PIECE } * SLOWER;
    assert!(took <= allowed, "{took:?}, and short is {is_short}: {} bytes", file.len());
    result.unwrap_or(false)
}
