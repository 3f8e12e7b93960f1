//! The files that the fuzzers start from, in `fuzz/corpus`: each is decoded or refused, and the
//! same on several threads.
#![allow(clippy::unwrap_used, clippy::panic, reason = "a test fails by panicking")]

#[path = "common/decoding.rs"]
mod decoding;

use bytes::Bytes;
use decoding::{Decoding, Effort, header, rows, rows_of_pieces};
use rayon::ThreadPoolBuilder;
use thumbelina_jpeg::{OnDamage, Options, Scale, decode};

fn files() -> Vec<(String, Bytes)> {
    let folder = concat!(env!("CARGO_MANIFEST_DIR"), "/fuzz/corpus");
    let paths = std::fs::read_dir(folder).unwrap().map(|entry| entry.unwrap().path());
    // Folders hold what the fuzzers found on this machine.
    let files: Vec<_> = paths
        .filter(|path| path.is_file())
        .map(|path| {
            (path.file_name().unwrap().display().to_string(), std::fs::read(&path).unwrap().into())
        })
        .collect();
    assert!(files.len() > 40, "{} files", files.len());
    files
}

fn ways(scale: Scale) -> [Options; 4] {
    let options = Options { scale, piece: 48, ..Options::default() };
    [
        (true, OnDamage::Fail),
        (true, OnDamage::Gray),
        (false, OnDamage::Fail),
        (false, OnDamage::Gray),
    ]
    .map(|(dc_only, on_damage)| Options { dc_only, on_damage, ..options })
}

#[test]
fn each_is_decoded_or_refused() {
    for (name, file) in files() {
        for options in Scale::ALL.into_iter().flat_map(ways) {
            let headers = Decoding::of(file.clone(), &options);
            let image = match (decode(file.clone(), &options), headers) {
                (Ok(image), _) => image,
                (Err(error), Ok(_)) if options.on_damage == OnDamage::Gray => {
                    panic!("{name}: {error}, {options:?}");
                }
                _ => continue,
            };
            let found = header(file.clone()).unwrap();
            let scale = found.scale(options.scale);
            let size = (scale.apply(found.width), scale.apply(found.height));
            assert_eq!((image.width, image.height), size, "{name}");
            let samples = image.width as usize * image.height as usize * image.channels;
            assert_eq!(image.samples.len(), samples, "{name}, {options:?}");
        }
    }
}

/// Also those that are damaged.
#[test]
fn each_is_the_same_on_several_threads() {
    let pool = ThreadPoolBuilder::new().num_threads(3).build().unwrap();
    for (name, file) in files() {
        for options in Scale::ALL.into_iter().flat_map(ways) {
            let whole = rows(&file, &options, usize::MAX, Effort::Mcus(usize::MAX));
            let together = rows(&file, &options, usize::MAX, Effort::Pool(&pool));
            assert_eq!(whole.1, together.1, "{name}, {options:?}");
            // Before an error, several threads may have finished fewer rows.
            let both = whole.0.len().min(together.0.len());
            assert!(whole.1.is_some() || whole.0.len() == together.0.len(), "{name}, {options:?}");
            assert!(whole.0[..both] == together.0[..both], "{name}, {options:?}");
        }
    }
}

/// However they come: byte by byte, and in pieces that are no multiple of anything.
#[test]
fn each_is_the_same_in_pieces() {
    let pool = ThreadPoolBuilder::new().num_threads(3).build().unwrap();
    for (name, file) in files() {
        for options in Scale::ALL.into_iter().flat_map(ways) {
            let whole = rows(&file, &options, usize::MAX, Effort::Mcus(usize::MAX));
            for sizes in [&[1][..], &[13], &[97], &[1009], &[1, 600, 2, 3]] {
                let pieces = rows_of_pieces(&file, &options, sizes, None);
                assert!(
                    whole == pieces,
                    "{name}, {options:?}, {sizes:?}: {:?}, {:?}",
                    whole.1,
                    pieces.1
                );
            }
            let pieces = rows_of_pieces(&file, &options, &[file.len() / 3 + 1], Some(&pool));
            assert_eq!(whole.1, pieces.1, "{name}, {options:?}");
            assert!(whole.1.is_some() || whole.0 == pieces.0, "{name}, {options:?}");
        }
    }
}
