//! Where encoded bytes go: a list of pieces, so that nothing large is ever copied to make room for
//! more, every allocation may fail, and what is held has a maximum.

use std::io::{self, ErrorKind, Seek, SeekFrom, Write};

use thumbelina_codec::{Budget, Held, Stop};

use crate::Error;

pub(crate) struct Sink {
    /// The finished pieces, each with where it starts.
    pieces: Vec<(u64, Vec<u8>)>,
    /// The piece that grows, and where it starts.
    last: Vec<u8>,
    last_start: u64,
    budget: Budget,
    /// The bytes of all pieces, unused ones too.
    held: Held,
    /// Why a write failed: `io::Error` has no room for it.
    failed: Option<Error>,
}

/// The most bytes of a piece. A piece begins small and doubles up to this: moving that many takes
/// some ten microseconds.
pub(crate) const PIECE: usize = 256 << 10;
const FIRST: usize = 4 << 10;

/// The most that may be asked for at once, which is also the most that is left unused at the end of
/// a piece.
pub(crate) const MAX_ROOM: usize = 16 << 10;

impl Sink {
    pub(crate) fn new(budget: &Budget) -> Result<Self, Error> {
        Ok(Sink {
            pieces: Vec::new(),
            last: Vec::new(),
            last_start: 0,
            budget: budget.clone(),
            held: budget.hold(0)?,
            failed: None,
        })
    }

    /// Another one of the same budget.
    pub(crate) fn empty_like(&self) -> Result<Self, Error> {
        Sink::new(&self.budget)
    }

    /// Fails at once where `bytes` more would at some time.
    pub(crate) fn check(&self, bytes: u64) -> Result<(), Error> {
        Ok(self.budget.check(bytes)?)
    }

    /// What is held beside the bytes.
    pub(crate) fn hold(&self, bytes: u64) -> Result<Held, Error> {
        Ok(self.budget.hold(bytes)?)
    }

    pub(crate) fn len(&self) -> u64 {
        self.last_start + self.last.len() as u64
    }

    /// Whether all bytes are in one piece.
    pub(crate) fn is_joined(&self) -> bool {
        self.pieces.is_empty()
    }

    /// The end of the bytes, with room for `bytes` more (at most [`MAX_ROOM`]): pushing no more
    /// than those onto it never allocates.
    pub(crate) fn room(&mut self, bytes: usize) -> Result<&mut Vec<u8>, Error> {
        debug_assert!(bytes <= MAX_ROOM);
        if self.last.capacity() - self.last.len() < bytes {
            self.make_room(bytes)?;
        }
        Ok(&mut self.last)
    }

    #[cold]
    fn make_room(&mut self, bytes: usize) -> Result<(), Error> {
        let (len, capacity) = (self.last.len(), self.last.capacity());
        if len + bytes <= PIECE {
            let wanted = (capacity * 2).max(len + bytes).clamp(FIRST, PIECE);
            self.held.grow((wanted - capacity) as u64)?;
            self.last.try_reserve_exact(wanted - len).map_err(|_| Error::OutOfMemory)?;
        } else {
            self.held.grow(PIECE as u64)?;
            let mut next = Vec::new();
            next.try_reserve_exact(PIECE).map_err(|_| Error::OutOfMemory)?;
            self.pieces.try_reserve(1).map_err(|_| Error::OutOfMemory)?;
            let start = self.last_start;
            self.last_start += len as u64;
            self.pieces.push((start, std::mem::replace(&mut self.last, next)));
        }
        Ok(())
    }

    /// Takes back what was put in from a byte on, as long as all is in one piece.
    pub(crate) fn take_from(&mut self, at: usize) -> Vec<u8> {
        if self.is_joined() && at < self.last.len() { self.last.split_off(at) } else { Vec::new() }
    }

    pub(crate) fn put(&mut self, bytes: &[u8]) -> Result<(), Error> {
        for part in bytes.chunks(MAX_ROOM) {
            self.room(part.len())?.extend_from_slice(part);
        }
        Ok(())
    }

    /// Writes over bytes that are there.
    pub(crate) fn patch(&mut self, at: u64, bytes: &[u8]) -> Result<(), Error> {
        for (at, &byte) in (at..).zip(bytes) {
            *self.byte_mut(at).ok_or(Error::Internal)? = byte;
        }
        Ok(())
    }

    fn byte_mut(&mut self, at: u64) -> Option<&mut u8> {
        let (start, piece) = match at.checked_sub(self.last_start) {
            Some(_) => (self.last_start, &mut self.last),
            None => {
                let index =
                    self.pieces.partition_point(|&(start, _)| start <= at).checked_sub(1)?;
                let (start, piece) = self.pieces.get_mut(index)?;
                (*start, piece)
            }
        };
        piece.get_mut(usize::try_from(at - start).ok()?)
    }

    /// Appends what another holds, which gives up each piece as it is copied.
    pub(crate) fn append(&mut self, mut other: Sink) -> Result<(), Error> {
        for (_, piece) in other.pieces {
            self.put(&piece)?;
            drop(other.held.split(piece.capacity() as u64));
        }
        self.put(&other.last)
    }

    /// Everything in one vector, which takes no time if it is in one piece already. Pieces are
    /// freed as they are copied, so that hardly more memory is touched than before.
    pub(crate) fn join(mut self, stop: &Stop) -> Result<(Vec<u8>, Held), Error> {
        if self.is_joined() {
            return Ok((self.last, self.held));
        }
        let len = usize::try_from(self.len()).map_err(|_| Error::OutOfMemory)?;
        let mut joined = Vec::new();
        joined.try_reserve_exact(len).map_err(|_| Error::OutOfMemory)?;
        for (_, piece) in self.pieces.drain(..) {
            stop.check()?;
            joined.extend_from_slice(&piece);
        }
        joined.extend_from_slice(&self.last);
        self.held.shrink_to(len as u64);
        Ok((joined, self.held))
    }

    /// What a library's write error came from.
    pub(crate) fn take_error(&mut self) -> Error {
        self.failed.take().unwrap_or(Error::Internal)
    }

    fn fail(&mut self, error: Error) -> io::Error {
        self.failed = Some(error);
        match error {
            Error::OutOfMemory => ErrorKind::OutOfMemory.into(),
            // Not `Interrupted`, after which `write_all` would try again.
            _ => ErrorKind::Other.into(),
        }
    }
}

impl Write for Sink {
    fn write(&mut self, bytes: &[u8]) -> io::Result<usize> {
        self.put(bytes).map_err(|error| self.fail(error))?;
        Ok(bytes.len())
    }

    fn flush(&mut self) -> io::Result<()> {
        Ok(())
    }
}

/// A sink for a library that writes a whole picture in one go, and goes back to fill in what it did
/// not know: it can be stopped from here.
pub(crate) struct Watched<'a> {
    sink: &'a mut Sink,
    stop: &'a Stop,
    position: u64,
    writes: u32,
    bytes: usize,
}

/// How many bytes and writes there may be between two looks. A block of a picture takes several
/// writes, however well it compresses.
const WATCH_BYTES: usize = 64 << 10;
const WATCH_WRITES: u32 = 64;

impl<'a> Watched<'a> {
    pub(crate) fn new(sink: &'a mut Sink, stop: &'a Stop) -> Self {
        let position = sink.len();
        Watched { sink, stop, position, writes: 0, bytes: 0 }
    }

    fn put(&mut self, bytes: &[u8]) -> Result<(), Error> {
        self.writes += 1;
        self.bytes = self.bytes.saturating_add(bytes.len());
        if self.writes >= WATCH_WRITES || self.bytes >= WATCH_BYTES {
            (self.writes, self.bytes) = (0, 0);
            self.stop.check()?;
        }
        // As in a file: what is skipped is zeros.
        while self.sink.len() < self.position {
            let gap = (self.position - self.sink.len()).min(MAX_ROOM as u64) as usize;
            let out = self.sink.room(gap)?;
            out.resize(out.len() + gap, 0);
        }
        let there = (self.sink.len() - self.position).min(bytes.len() as u64) as usize;
        let (over, new) = bytes.split_at(there);
        self.sink.patch(self.position, over)?;
        self.sink.put(new)?;
        self.position += bytes.len() as u64;
        Ok(())
    }
}

impl Write for Watched<'_> {
    fn write(&mut self, bytes: &[u8]) -> io::Result<usize> {
        self.put(bytes).map_err(|error| self.sink.fail(error))?;
        Ok(bytes.len())
    }

    fn flush(&mut self) -> io::Result<()> {
        Ok(())
    }
}

impl Seek for Watched<'_> {
    fn seek(&mut self, to: SeekFrom) -> io::Result<u64> {
        let position = match to {
            SeekFrom::Start(position) => Some(position),
            SeekFrom::Current(by) => self.position.checked_add_signed(by),
            SeekFrom::End(by) => self.sink.len().checked_add_signed(by),
        };
        self.position = position.ok_or(ErrorKind::InvalidInput)?;
        Ok(self.position)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn sink() -> Sink {
        Sink::new(&Budget::new(u64::MAX)).unwrap_or_else(|error| unreachable!("{error}"))
    }

    fn joined(sink: Sink) -> Vec<u8> {
        sink.join(&Stop::new()).map(|(bytes, _)| bytes).unwrap_or_default()
    }

    fn pattern(len: usize) -> Vec<u8> {
        (0..len).map(|i| (i * 31 + i / 251) as u8).collect()
    }

    #[test]
    fn pieces_join_to_what_was_put_in() {
        let bytes = pattern(1_000_003);
        let mut sink = sink();
        let (mut rest, mut size) = (&bytes[..], 1);
        while !rest.is_empty() {
            let (part, after) = rest.split_at(size.min(rest.len()));
            assert_eq!(sink.put(part), Ok(()));
            (rest, size) = (after, size * 3 % 40_009);
        }
        assert_eq!(sink.len(), 1_000_003);
        assert!(
            sink.pieces
                .iter()
                .all(|(_, piece)| piece.len() <= PIECE && piece.len() > PIECE - MAX_ROOM)
        );
        assert!(joined(sink) == bytes);
    }

    #[test]
    fn one_piece_is_handed_over_as_it_is() {
        let mut sink = sink();
        assert_eq!(sink.put(&pattern(PIECE)), Ok(()));
        assert!(sink.is_joined());
        let address = sink.last.as_ptr();
        let bytes = joined(sink);
        assert_eq!(bytes.as_ptr(), address);
        assert!(bytes == pattern(PIECE));
    }

    #[test]
    fn what_is_held_is_the_budgets() {
        let limit =
            |value| Err(Error::Limit { limit: crate::Limit::MaxMemory, value, maximum: 1 << 20 });
        let budget = Budget::new(1 << 20);
        let Ok(_picture) = budget.hold(500_000) else { unreachable!("there is room for it") };
        let Ok(mut sink) = Sink::new(&budget) else { unreachable!("nothing is held") };
        // Two pieces of 256 KiB fit into what is left, a third does not.
        assert_eq!(sink.put(&[7; 2 * PIECE]), Ok(()));
        assert_eq!(sink.put(&[7]), limit(500_000 + 3 * (PIECE as u64)));
        assert!(sink.write_all(&[7]).is_err());
        assert_eq!(Err(sink.take_error()), limit(500_000 + 3 * (PIECE as u64)));
        assert_eq!(budget.held(), 500_000 + 2 * (PIECE as u64));
        let joined = sink.join(&Stop::new()).map(|(bytes, held)| (bytes.len(), held.bytes()));
        assert_eq!(joined, Ok((2 * PIECE, 2 * PIECE as u64)));
        assert_eq!(budget.held(), 500_000);
    }

    #[test]
    fn patches_cross_pieces() {
        let mut bytes = pattern(700_000);
        let mut sink = sink();
        assert_eq!(sink.put(&bytes), Ok(()));
        for at in [0, PIECE - 3, 2 * PIECE - 1, bytes.len() - 5] {
            bytes[at..at + 5].copy_from_slice(b"patch");
            assert_eq!(sink.patch(at as u64, b"patch"), Ok(()));
        }
        assert_eq!(sink.patch(bytes.len() as u64 - 1, b"xy"), Err(Error::Internal));
        bytes[699_999] = b'x';
        assert!(joined(sink) == bytes);
    }

    #[test]
    fn seeking_writes_over_and_past_the_end_like_a_file() {
        let mut file = io::Cursor::new(Vec::new());
        let mut sink = sink();
        let never = Stop::new();
        let mut watched = Watched::new(&mut sink, &never);
        let steps = [
            (SeekFrom::Start(10), 20),
            (SeekFrom::Start(0), 15),
            (SeekFrom::End(-3), 300_000),
            (SeekFrom::Current(70_000), 2),
            (SeekFrom::Start(262_140), 10),
        ];
        for (seek, len) in steps {
            assert_eq!(watched.seek(seek).ok(), file.seek(seek).ok());
            assert!(
                watched.write_all(&pattern(len)).is_ok() && file.write_all(&pattern(len)).is_ok()
            );
        }
        assert!(watched.seek(SeekFrom::Current(-1_000_000)).is_err());
        assert!(joined(sink) == file.into_inner());
    }

    #[test]
    fn a_stop_ends_the_next_write_and_the_join() {
        let mut sink = sink();
        assert_eq!(sink.put(&[0; 300_000]), Ok(()));
        let stop = Stop::new();
        stop.ask();
        let mut watched = Watched::new(&mut sink, &stop);
        assert!(watched.write_all(&[0; WATCH_BYTES - 1]).is_ok());
        assert!(watched.write_all(&[0]).is_err());
        assert_eq!(sink.take_error(), Error::Stopped);
        assert_eq!(sink.join(&stop).map(drop), Err(Error::Stopped));
    }
}
