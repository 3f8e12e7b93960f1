//! Files made to take long: no call does more than its share, whatever the bytes, and the rows are
//! what they would be without.
#![allow(
    clippy::unwrap_used,
    clippy::expect_used,
    clippy::panic,
    reason = "a test fails by panicking"
)]

#[path = "common/decoding.rs"]
mod decoding;
#[path = "common/writer/mod.rs"]
mod writer;

use bytes::Bytes;
use decoding::{Decoding, Effort, header};
use rayon::ThreadPoolBuilder;
use thumbelina_codec::{Input, Poll, Stop};
use thumbelina_jpeg::{
    Error, Header, HeadersReader, MOST_LOOKED_AT, OnDamage, Options, Scale, decode,
};
use writer::{Icc, Picture, Process, Scan, scripts};

const COMMENT: [u8; 4] = [0xFF, 0xFE, 0, 2];

fn segment(marker: u8, body: &[u8]) -> Vec<u8> {
    let length = (body.len() as u16 + 2).to_be_bytes();
    [&[0xFF, marker], &length[..], body].concat()
}

/// As many tables without codes as fit in a segment.
fn empty_tables() -> Vec<u8> {
    segment(0xC4, &[0; 17 * 3854])
}

fn progressive() -> Vec<u8> {
    let picture = Picture::random(1, 40, 33, &[(2, 2), (1, 1), (1, 1)], 80);
    let scans = scripts::progressive(&picture);
    writer::write(
        &picture,
        &writer::Options { process: Process::Progressive, scans, ..Default::default() },
    )
}

fn baseline(restart: u16) -> Vec<u8> {
    let picture = Picture::random(2, 40, 33, &[(2, 2), (1, 1), (1, 1)], 80);
    let scans = scripts::interleaved(&picture);
    let restart_intervals = vec![restart];
    writer::write(&picture, &writer::Options { scans, restart_intervals, ..Default::default() })
}

/// Puts bytes in front of a marker: the one of this number among those of its kind.
fn with(file: &[u8], marker: u8, number: usize, bytes: &[u8]) -> Bytes {
    let mut places = (2..file.len() - 1).filter(|&at| file[at..at + 2] == [0xFF, marker]);
    let at = places.nth(number).unwrap();
    [&file[..at], bytes, &file[at..]].concat().into()
}

/// The rows, the error, and how many calls it took to get there.
type Decoded = (Vec<u8>, Option<Error>, u64);

fn rows(input: &Bytes, options: &Options, effort: Effort<'_>) -> Decoded {
    let (mut samples, mut calls) = (Vec::new(), 0);
    let mut decoding = match Decoding::of(input.clone(), options) {
        Ok(decoding) => decoding,
        Err(error) => return (samples, Some(error), calls),
    };
    loop {
        calls += 1;
        let before = decoding.decoder.looked_at();
        let read = match decoding.read(usize::MAX, effort) {
            Ok(Poll::Ready([])) => Ok(None),
            Ok(Poll::Ready(rows)) => {
                samples.extend_from_slice(rows);
                Ok(Some(()))
            }
            Ok(_) => Ok(Some(())),
            Err(error) => Err(error),
        };
        let looked_at = decoding.decoder.looked_at() - before;
        assert!(looked_at <= MOST_LOOKED_AT, "{looked_at} bytes in one call");
        match read {
            Ok(Some(())) => {}
            Ok(None) => return (samples, None, calls),
            Err(error) => return (samples, Some(error), calls),
        }
    }
}

/// Decodes by the smallest steps, which have to be at least so many, and as other steps and threads
/// do.
fn bounded(input: &Bytes, options: &Options, least: usize) -> (Vec<u8>, Option<Error>) {
    let pool = ThreadPoolBuilder::new().num_threads(3).build().unwrap();
    let (samples, error, calls) = rows(input, options, Effort::Mcus(1));
    assert!(calls >= least as u64, "only {calls} calls");
    for effort in [Effort::Mcus(usize::MAX), Effort::Mcus(100), Effort::Pool(&pool)] {
        let (other, other_error, _) = rows(input, options, effort);
        assert_eq!(error, other_error, "{effort:?}");
        let both = samples.len().min(other.len());
        assert!(error.is_some() || samples.len() == other.len(), "{effort:?}");
        assert!(samples[..both] == other[..both], "{effort:?}");
    }
    (samples, error)
}

fn options(scale: Scale, on_damage: OnDamage) -> Options {
    Options { scale, on_damage, ..Options::default() }
}

/// Bytes that a call may search.
const SEARCHED: usize = 16 << 10;

/// Everything that may stand between segments.
fn between() -> Vec<(&'static str, Vec<u8>, usize)> {
    vec![
        ("tables", empty_tables().repeat(40), 40),
        ("comments", COMMENT.repeat(9_900), 100),
        ("metadata", segment(0xE5, &[7; 65_000]).repeat(200), 1),
        ("quantizers", segment(0xDB, &[3; 65].repeat(1_000)).repeat(40), 40),
        ("fill bytes", vec![0xFF; 60_000], 60_000 / SEARCHED),
        ("garbage", vec![0; 60_000], 60_000 / SEARCHED),
        ("stuffed garbage", [0xFF, 0].repeat(30_000), 60_000 / SEARCHED),
        ("markers that stand alone", [0xFF, 0x01].repeat(30_000), 60_000 / SEARCHED / 2),
    ]
}

#[test]
fn whatever_stands_between_scans_is_passed_in_steps() {
    let file = progressive();
    let options = options(Scale::Full, OnDamage::Fail);
    let plain = decode(file.clone(), &options).unwrap().samples;
    for (what, bytes, least) in between() {
        // In front of the tables of the second scan, and behind a segment, as it would belong to
        // the data else.
        let bytes = [&COMMENT, &bytes[..]].concat();
        let (samples, error) = bounded(&with(&file, 0xC4, 4, &bytes), &options, least);
        assert_eq!(error, None, "{what}");
        assert!(samples == plain, "{what}");
        // In front of the first, all at once.
        let image = decode(with(&file, 0xC4, 0, &bytes), &options).unwrap();
        assert!(image.samples == plain, "{what}");
    }
}

/// In front of the first scan there is no picture yet that could be worked on.
#[test]
fn headers_are_read_in_steps_as_they_come() {
    let file = progressive();
    for (what, bytes, least) in between() {
        let input = with(&file, 0xC4, 0, &bytes);
        let expected = header(input.clone()).unwrap();
        for size in [usize::MAX, 5000] {
            let (stop, mut rest) = (Stop::new(), input.clone());
            let (mut pieces, mut reader, mut working) = (Input::new(), HeadersReader::new(), 0);
            let headers = loop {
                match reader.read(&mut pieces, &stop).unwrap() {
                    Poll::Ready(headers) => break headers,
                    Poll::Working => working += 1,
                    Poll::NeedInput => {
                        assert!(!pieces.is_finished(), "{what}");
                        pieces.push(rest.split_to(size.min(rest.len())));
                        if rest.is_empty() {
                            pieces.finish();
                        }
                    }
                }
            };
            assert_eq!(*headers.header(), expected, "{what}");
            assert!(
                size < usize::MAX || working >= least / 20,
                "{what}: {working} steps for {least}"
            );
        }
    }
    let (stop, mut input) = (Stop::new(), Input::whole(file.into()));
    stop.ask();
    let error = HeadersReader::new().read(&mut input, &stop).unwrap_err();
    assert_eq!(error, Error::Codec(thumbelina_codec::Error::Stopped));
}

#[test]
fn metadata_without_end_is_an_error_that_says_where() {
    let file = progressive();
    for (bytes, what, offset) in [
        (COMMENT.repeat(20_000), "too much that is no picture", None),
        (vec![0xFF; 70_000], "garbage instead of a segment", Some(0)),
        (vec![0; 70_000], "garbage instead of a segment", Some(0)),
        ([0xFF, 0xD8].repeat(2_000_000), "too much that is no picture", Some(65_536)),
    ] {
        for number in [0, 4] {
            let bad = with(&file, 0xC4, number, &[&COMMENT, &bytes[..]].concat());
            let start = bad.windows(4).position(|four| four == COMMENT).unwrap() + 4;
            let (_, error) = bounded(&bad, &options(Scale::Full, OnDamage::Fail), 0);
            let Some(Error::Invalid { what: found, offset: at }) = error else {
                panic!("{error:?}")
            };
            assert_eq!(found, what);
            if let Some(offset) = offset {
                assert_eq!(at, start + offset, "{what}");
            }
        }
    }
}

#[test]
fn scans_that_are_not_wanted_are_passed_in_steps() {
    let file = progressive();
    let options = options(Scale::Eighth, OnDamage::Fail);
    let plain = decode(file.clone(), &options).unwrap().samples;
    for data in [
        vec![0; 2 << 20],
        [0xFF, 0].repeat(1 << 20),
        vec![0xFF; 2 << 20],
        [0xFF, 0xD0].repeat(1 << 20),
    ] {
        // At the end of the last scan but one, which has AC coefficients.
        let last = with(&file, 0xD9, 0, &data);
        let (samples, error) = bounded(&last, &options, (2 << 20) / SEARCHED);
        assert_eq!(error, None);
        assert!(samples == plain);
    }
}

#[test]
fn the_next_restart_marker_is_searched_in_steps() {
    let file = baseline(2);
    let gap = [0xFF, 0].repeat(1 << 20);
    // The data of the second interval goes on and on.
    let input = with(&file, 0xD1, 0, &gap);
    let at = input.windows(2).position(|two| two == [0xFF, 0xD1]).unwrap();
    for scale in Scale::ALL {
        let (_, error) = bounded(&input, &options(scale, OnDamage::Fail), gap.len() / SEARCHED);
        assert_eq!(error, None, "the marker at {at} is the right one");
        let (samples, error) =
            bounded(&input, &options(scale, OnDamage::Gray), gap.len() / SEARCHED);
        assert_eq!(error, None);
        assert!(samples == decode(file.clone(), &options(scale, OnDamage::Fail)).unwrap().samples);
    }
    // With a wrong marker at the end, and with none.
    let wrong = with(&file, 0xD1, 0, &[&gap[..], &[0xFF, 0xD4]].concat());
    let (_, error) = bounded(&wrong, &options(Scale::Full, OnDamage::Fail), gap.len() / SEARCHED);
    assert_eq!(error, Some(Error::Damaged { offset: at }));
    let cut = input.slice(..at);
    let (_, error) = bounded(&cut, &options(Scale::Full, OnDamage::Fail), gap.len() / SEARCHED);
    assert_eq!(error, Some(Error::Truncated { offset: at }));
    bounded(&wrong, &options(Scale::Full, OnDamage::Gray), gap.len() / SEARCHED);
    bounded(&cut, &options(Scale::Full, OnDamage::Gray), gap.len() / SEARCHED);
}

#[test]
fn restart_markers_in_a_row_are_passed_in_steps() {
    let file = baseline(2);
    for marker in 0xD0..=0xD7 {
        let many = [0xFF, marker].repeat(1 << 19);
        let input = with(&file, 0xD1, 0, &many);
        let least = if matches!(marker, 0xD1..=0xD5) { 0 } else { many.len() / SEARCHED };
        let (samples, error) = bounded(&input, &options(Scale::Full, OnDamage::Gray), least);
        assert_eq!((samples.len(), error), (40 * 33 * 3, None));
    }
}

/// A gray picture without anything in it: no difference, and `blocks` that end at once.
fn flat(marker: u8, width: u16, height: u16, scans: &[(&[u8], &[u8])]) -> Bytes {
    let mut file = b"\xFF\xD8".to_vec();
    file.extend(segment(0xDB, &[&[0], &[1; 64][..]].concat()));
    let (w, h) = (width.to_be_bytes(), height.to_be_bytes());
    file.extend(segment(marker, &[8, h[0], h[1], w[0], w[1], 1, 1, 0x11, 0]));
    for (table, symbol) in [(0x00, 0), (0x10, if marker == 0xC2 { 0xE0 } else { 0 })] {
        file.extend(segment(0xC4, &[&[table, 1], &[0; 15][..], &[symbol]].concat()));
    }
    for (band, data) in scans {
        file.extend(segment(0xDA, &[&[1, 1, 0], *band].concat()));
        file.extend(*data);
    }
    file.extend(b"\xFF\xD9");
    file.into()
}

const DC: &[u8] = &[0, 0, 0];
const AC: &[u8] = &[1, 63, 0];

#[test]
fn scans_without_data_cost_next_to_nothing() {
    let mut scans = vec![(DC, &[0; 1024][..])];
    scans.extend(vec![(AC, &[][..]); 198]);
    // A row of blocks each.
    let narrow = flat(0xC2, 8, 0xFFFF, &scans);
    let gray = options(Scale::Full, OnDamage::Gray);
    let (samples, error, calls) = rows(&narrow, &gray, Effort::Mcus(100));
    assert_eq!((samples, error), (vec![128; 8 * 0xFFFF], None));
    // One for each row of MCUs and to hand it over, a few for each scan.
    assert!(calls < 2 * 8192 + 8192 / 100 + 198 * 5, "{calls} calls");
    let (_, error, _) = rows(&narrow, &options(Scale::Full, OnDamage::Fail), Effort::Mcus(1));
    assert!(matches!(error, Some(Error::Damaged { .. })), "{error:?}");
}

/// A table for each scan, as long as tables can be, is more than is held for those of any camera.
#[test]
fn what_many_scans_keep_is_held() {
    let file = flat(0xC2, 8, 8, &[(DC, &[0])]);
    let counts = [[0; 8], [255; 8]].concat();
    let table = segment(0xC4, &[&[0x10], &counts[..], &[0xE0; 255 * 8]].concat());
    let scan = [&table[..], &segment(0xDA, &[&[1, 1, 0], AC].concat()), &[0, 0]].concat();
    let file = with(&file, 0xD9, 0, &scan.repeat(150));
    let options = options(Scale::Full, OnDamage::Gray);
    let mut decoding = Decoding::of(file.clone(), &options).unwrap();
    let said = decoding.budget.held();
    let mut most = said;
    while decoding.read(1, Effort::Mcus(1)).unwrap() != Poll::Ready(&[]) {
        most = most.max(decoding.budget.held());
    }
    let tables = 150 * (16 + 255 * 8);
    assert!(most > said + tables - (64 << 10) && most < said + tables, "{most} of {said}");
    decoding = Decoding::of(file, &options).unwrap();
    let taken = decoding.budget.hold(decoding.budget.left()).unwrap();
    let error = loop {
        match decoding.read(1, Effort::Mcus(1)) {
            Ok(Poll::Ready([])) => panic!("it was not held"),
            Ok(_) => {}
            Err(error) => break error,
        }
    };
    assert!(matches!(error, Error::Codec(thumbelina_codec::Error::OverBudget { .. })), "{error}");
    drop(taken);
}

#[test]
fn runs_of_empty_blocks_go_over_any_number_of_rows() {
    // 2^14 blocks that end at once, and what corrects them.
    for (band, most) in [(AC, 1), ([1, 63, 0x10].as_slice(), 8192 / 32)] {
        let mut scans = vec![(DC, &[0; 1024][..])];
        scans.extend(vec![(band, &[0, 0][..]); 190]);
        let (samples, error, calls) = rows(
            &flat(0xC2, 8, 0xFFFF, &scans),
            &options(Scale::Full, OnDamage::Fail),
            Effort::Mcus(100),
        );
        assert_eq!((samples, error), (vec![128; 8 * 0xFFFF], None));
        assert!(calls < 2 * 8192 + 8192 / 100 + 190 * (5 + most), "{calls} calls");
    }
}

#[test]
fn dc_values_have_at_most_fourteen_scans() {
    for count in [14, 15] {
        // All but the first add a bit, of each of eight blocks.
        let mut scans = vec![([0, 0, 13].as_slice(), &[0][..])];
        let bands: Vec<[u8; 3]> = (1..count).map(|_| [0, 0, 0x10]).collect();
        scans.extend(bands.iter().map(|band| (&band[..], &[0][..])));
        match decode(flat(0xC2, 8, 64, &scans), &Options::default()) {
            Ok(_) => assert_eq!(count, 14),
            Err(error) => {
                assert!(matches!(error, Error::Invalid { what: "too many scans", .. }), "{error}");
                assert_eq!(count, 15);
            }
        }
    }
}

#[test]
fn sequential_pictures_have_at_most_sixteen_scans() {
    // Two bits for each of 25 blocks; more than one component, or it would be one scan.
    let picture = Picture::random(3, 40, 40, &[(1, 1), (1, 1), (1, 1)], 80);
    for count in [16, 17] {
        let scans = (0..count).map(|i| Scan::new(&[i % 3], (0, 63), 0, 0)).collect();
        let file = writer::write(&picture, &writer::Options { scans, ..Default::default() });
        match decode(file, &Options::default()) {
            Ok(_) => assert_eq!(count, 16),
            Err(error) => {
                assert!(matches!(error, Error::Invalid { what: "too many scans", .. }), "{error}");
                assert_eq!(count, 17);
            }
        }
    }
}

/// All data of a picture in its first MCUs, so that few MCUs are many bytes: 63 codes of 16 bits
/// with values of 15.
#[test]
fn no_call_decodes_more_bytes_than_its_share() {
    const MCU_BITS: usize = 1 + 63 * 31;
    let mut file = b"\xFF\xD8".to_vec();
    file.extend(segment(0xDB, &[&[0], &[1; 64][..]].concat()));
    file.extend(segment(0xC0, &[8, 0x40, 0, 0x40, 0, 1, 1, 0x11, 0]));
    file.extend(segment(0xC4, &[&[0x00, 1], &[0; 15][..], &[0]].concat()));
    file.extend(segment(0xC4, &[&[0x10], &[0; 15][..], &[1, 0x0F]].concat()));
    file.extend(segment(0xDA, &[1, 1, 0, 0, 63, 0]));
    let data = file.len();
    file.resize(data + (1000 * MCU_BITS).div_ceil(8), 0);
    let input = Bytes::from(file);
    for scale in Scale::ALL {
        let mut decoding = Decoding::of(input.clone(), &options(scale, OnDamage::Fail)).unwrap();
        let (mut calls, mut before) = (0, 0);
        let error = loop {
            match decoding.read(1, Effort::Mcus(100_000)) {
                Ok(Poll::Ready([])) => panic!("there is no more data"),
                Ok(_) => calls += 1,
                Err(error) => break error,
            }
            // A window is loaded now and then, and decoded by the calls that follow.
            assert!(decoding.decoder.looked_at() - before <= 10 << 10);
            before = decoding.decoder.looked_at();
        };
        assert_eq!(error, Error::Truncated { offset: input.len() });
        assert!(calls >= (input.len() - data) / (5 << 10), "{calls} calls");
    }
}

#[test]
fn a_profile_in_many_parts_keeps_the_first_of_each() {
    let picture = Picture::random(4, 8, 8, &[(1, 1)], 80);
    let icc = Icc { profile: (0..2550u32).map(|i| i as u8).collect(), chunk: 10, shuffle: Some(5) };
    let file = writer::write(
        &picture,
        &writer::Options {
            scans: scripts::interleaved(&picture),
            icc: Some(icc.clone()),
            ..Default::default()
        },
    );
    let copies: Vec<u8> = (0..9_000u32)
        .flat_map(|i| segment(0xE2, &[b"ICC_PROFILE\0", &[i as u8, 255][..], b"other"].concat()))
        .collect();
    let found = header(with(&file, 0xDB, 0, &copies)).unwrap();
    assert_eq!(found.icc().unwrap(), icc.profile);
}

#[test]
fn what_a_header_takes_is_said_without_reading_it() {
    let file = baseline(0);
    let plain = Header::nanos(&file, u64::MAX);
    assert!(plain < 20_000, "{plain}");
    let more = |bytes: &[u8]| Header::nanos(&with(&file, 0xDB, 0, bytes), u64::MAX) - plain;
    assert_eq!(more(&COMMENT.repeat(1_000)), 400_000);
    assert_eq!(more(&segment(0xE5, &[0; 60_000]).repeat(100)), 40_000);
    assert_eq!(more(&segment(0xE2, b"ICC_PROFILE\0\x01\x09data").repeat(100)), 40_000);
    assert_eq!(more(&empty_tables().repeat(160)), 160 * (400 + 2 * (17 * 3854 + 2)));
    // Only the first is looked into.
    let exif = segment(0xE1, &[b"Exif\0\0", &[0; 10_000][..]].concat());
    assert_eq!(more(&exif.repeat(2)), 2 * 400 + 4 * 10_008);
    // Some fill bytes do not matter. Behind many there may be anything.
    assert_eq!(more(&[0xFF; 200]), 0);
    for garbage in [vec![0xFF; 20 << 20], [0xFF, 0].repeat(1000), [0xFF, 0x01].repeat(1000)] {
        assert!(more(&garbage) > 300 * garbage.len() as u64);
        assert_eq!(Header::nanos(&with(&file, 0xDB, 0, &garbage), 800_000), 800_000);
    }
    // Whatever follows the first scan.
    assert_eq!(Header::nanos(&[&file[..], &[0xFF; 1000]].concat(), u64::MAX), plain);
    // The end, in the middle of anything.
    (0..file.len()).for_each(|end| assert!(Header::nanos(&file[..end], u64::MAX) <= plain));
}

#[test]
fn a_missing_height_is_looked_for_in_all_of_the_file() {
    let picture = Picture::random(2, 40, 33, &[(1, 1)], 80);
    let options =
        writer::Options { scans: scripts::interleaved(&picture), dnl: true, ..Default::default() };
    let file = writer::write(&picture, &options);
    assert_eq!(header(file.clone()).unwrap().height, 33);
    let nanos = Header::nanos(&file, u64::MAX);
    let longer = with(&file, 0xDC, 0, &vec![0; 1 << 20]);
    assert_eq!(header(longer.clone()).unwrap().height, 33);
    assert_eq!(Header::nanos(&longer, u64::MAX), nanos + (3 << 20));
    assert_eq!(Header::nanos(&longer, 800_000), 800_000);
}

/// Arithmetic codes tell much in few bytes: what is decided is counted, and not only what is read.
#[test]
fn few_bytes_of_many_decisions_take_many_calls() {
    let mut picture = Picture::blank(128, 128, &[(1, 1)], 100);
    for block in &mut picture.components[0].blocks {
        // The same bits, whose signs alone cannot be foreseen.
        *block = [1023; 64];
    }
    for process in [Process::Extended, Process::Progressive] {
        let scans = match process {
            Process::Progressive => scripts::spectral_selection(&picture),
            _ => scripts::interleaved(&picture),
        };
        let arithmetic = Some(writer::Conditioning::default());
        let options = writer::Options { process, scans, arithmetic, ..Default::default() };
        let file = Bytes::from(writer::write(&picture, &options));
        // 256 blocks of 64 coefficients, each of over twenty decisions, in three bits.
        assert!(file.len() < 12_000, "{} bytes", file.len());
        let effort = Effort::Mcus(usize::MAX);
        let (_, error, calls) = rows(&file, &Options::default(), effort);
        assert!(error.is_none() && calls > 15, "{calls} calls, {error:?}");
    }
}
