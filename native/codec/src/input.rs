use std::collections::VecDeque;
use std::ops::Range;

use bytes::{Buf, Bytes};

use crate::budget::{Budget, Held};
use crate::context::Poll;
use crate::error::Error;

/// The encoded bytes of a picture, as far as they have come.
///
/// A decoder looks at a window of them, [`bytes`](Self::bytes), in one piece. It asks for
/// [`more`](Self::more) behind it, and [`release`](Self::release)s what it has used up in front of
/// it. What comes whole is one window, and is never copied.
#[derive(Debug, Default)]
pub struct Input {
    window: Window,
    /// Bytes in front of the window that were released.
    start: u64,
    /// What came after the window.
    pending: VecDeque<Bytes>,
    pending_len: u64,
    /// Whether nothing more will be pushed.
    finished: bool,
    /// The window that is being made of everything.
    collected: Option<(Vec<u8>, Held)>,
}

#[derive(Debug)]
enum Window {
    /// As it was pushed.
    Shared(Bytes),
    /// Put together, from a place on.
    Joined(Vec<u8>, usize),
}

impl Default for Window {
    fn default() -> Self {
        Window::Shared(Bytes::new())
    }
}

impl Window {
    fn bytes(&self) -> &[u8] {
        match self {
            Window::Shared(bytes) => bytes,
            Window::Joined(bytes, from) => &bytes[*from..],
        }
    }
}

/// As many bytes are appended to a window, or put together, at a time.
const STEP: usize = 64 << 10;

/// What is joined at a time where all of it is wanted.
const COLLECT_STEP: usize = 512 << 10;

impl Input {
    /// Nothing yet.
    pub fn new() -> Self {
        Input::default()
    }

    /// All there is.
    pub fn whole(bytes: Bytes) -> Self {
        Input { window: Window::Shared(bytes), finished: true, ..Input::default() }
    }

    /// Appends a piece.
    pub fn push(&mut self, piece: Bytes) {
        if self.pending.is_empty() && self.bytes().is_empty() {
            self.window = Window::Shared(piece);
        } else if !piece.is_empty() {
            self.pending_len += piece.len() as u64;
            self.pending.push_back(piece);
        }
    }

    /// Nothing more will come.
    pub fn finish(&mut self) {
        self.finished = true;
    }

    /// The window.
    pub fn bytes(&self) -> &[u8] {
        self.window.bytes()
    }

    /// How many bytes came before the window.
    pub fn start(&self) -> u64 {
        self.start
    }

    /// How many bytes have come in all.
    pub fn len(&self) -> u64 {
        self.start + self.bytes().len() as u64 + self.pending_len
    }

    pub fn is_empty(&self) -> bool {
        self.len() == 0
    }

    /// Whether the window reaches to the end of the input.
    pub fn is_complete(&self) -> bool {
        self.finished && self.pending.is_empty()
    }

    /// Whether all of the input is there, in the window or behind it.
    pub fn is_finished(&self) -> bool {
        self.finished
    }

    /// Gives up the first bytes of the window. Where that is all of it, the next piece that has
    /// come is the window.
    pub fn release(&mut self, bytes: usize) {
        let bytes = bytes.min(self.bytes().len());
        self.start += bytes as u64;
        match &mut self.window {
            Window::Shared(window) => window.advance(bytes),
            Window::Joined(_, from) => *from += bytes,
        }
        if self.bytes().is_empty()
            && let Some(piece) = self.pop()
        {
            self.window = Window::Shared(piece);
        }
    }

    /// The window from an offset of the input on, which is not before its start. What is before is
    /// released; where the window does not reach so far, it is empty.
    ///
    /// # Errors
    /// [`Error::OutOfMemory`].
    pub fn bytes_from(&mut self, offset: u64) -> Result<&[u8], Error> {
        while self.start < offset {
            let skip = usize::try_from(offset - self.start).unwrap_or(usize::MAX);
            if self.bytes().is_empty() && !self.more()? {
                break;
            }
            self.release(skip);
        }
        Ok(self.bytes())
    }

    /// Makes the window longer by some of what has come. `false` if nothing has.
    ///
    /// # Errors
    /// [`Error::OutOfMemory`].
    pub fn more(&mut self) -> Result<bool, Error> {
        let Some(mut piece) = self.pop() else { return Ok(false) };
        if piece.len() > STEP {
            let rest = piece.split_off(STEP);
            self.pending_len += rest.len() as u64;
            self.pending.push_front(rest);
        }
        if let Window::Shared(window) = &self.window {
            let mut joined = Vec::new();
            joined.try_reserve(window.len() + piece.len()).map_err(|_| Error::OutOfMemory)?;
            joined.extend_from_slice(window);
            self.window = Window::Joined(joined, 0);
        }
        if let Window::Joined(joined, from) = &mut self.window {
            // Moving what is left costs little where less is left than was released.
            if *from * 2 >= joined.len() {
                joined.drain(..*from);
                *from = 0;
            }
            joined.try_reserve(piece.len()).map_err(|_| Error::OutOfMemory)?;
            joined.extend_from_slice(&piece);
        }
        Ok(true)
    }

    /// A part of the window, to be kept: copied only where the window was put together.
    pub fn slice(&self, range: Range<usize>) -> Bytes {
        let range = range.start.min(self.bytes().len())..range.end.min(self.bytes().len());
        match &self.window {
            Window::Shared(bytes) if !range.is_empty() => bytes.slice(range),
            _ => Bytes::copy_from_slice(self.bytes().get(range).unwrap_or_default()),
        }
    }

    /// Takes the window, or the next piece, for a decoder that keeps what it is given.
    pub fn take(&mut self) -> Option<Bytes> {
        let bytes = match std::mem::take(&mut self.window) {
            Window::Shared(bytes) => bytes,
            Window::Joined(bytes, from) => Bytes::from(bytes).slice(from..),
        };
        self.start += bytes.len() as u64;
        if let Some(next) = self.pop() {
            self.window = Window::Shared(next);
        }
        (!bytes.is_empty()).then_some(bytes)
    }

    /// All of the input in one piece, for a decoder that goes back and forth in it. Nothing may
    /// have been released. The pieces are put together in steps, and go as they are copied.
    ///
    /// # Errors
    /// [`Error::OverBudget`] and [`Error::OutOfMemory`].
    pub fn collect(&mut self, budget: &Budget) -> Result<Poll<Bytes>, Error> {
        if !self.finished {
            return Ok(Poll::NeedInput);
        }
        if self.collected.is_none() {
            if self.pending.is_empty() {
                return Ok(Poll::Ready(self.window()));
            }
            let len = usize::try_from(self.len()).map_err(|_| Error::OutOfMemory)?;
            let held = budget.hold(len as u64)?;
            let mut all = Vec::new();
            all.try_reserve_exact(len).map_err(|_| Error::OutOfMemory)?;
            self.collected = Some((all, held));
        }
        let Some((all, held)) = &mut self.collected else { return Ok(Poll::Working) };
        let mut left = COLLECT_STEP;
        // The window stays what it is until everything is there.
        let rest = self.window.bytes().get(all.len()..).unwrap_or_default();
        let part = rest.get(..left).unwrap_or(rest);
        all.extend_from_slice(part);
        left -= part.len();
        while left > 0
            && let Some(mut piece) = self.pending.pop_front()
        {
            let part = piece.split_to(left.min(piece.len()));
            all.extend_from_slice(&part);
            left -= part.len();
            self.pending_len -= part.len() as u64;
            if !piece.is_empty() {
                self.pending.push_front(piece);
            }
        }
        if !self.pending.is_empty() {
            return Ok(Poll::Working);
        }
        let owner = Collected { bytes: std::mem::take(all), _held: held.take() };
        self.collected = None;
        self.window = Window::Shared(Bytes::from_owner(owner));
        Ok(Poll::Ready(self.window()))
    }

    /// The window, for a decoder that keeps it.
    pub fn window(&mut self) -> Bytes {
        if let Window::Joined(bytes, from) = &mut self.window {
            let bytes = Bytes::from(std::mem::take(bytes)).slice(*from..);
            self.window = Window::Shared(bytes);
        }
        match &self.window {
            Window::Shared(bytes) => bytes.clone(),
            Window::Joined(..) => Bytes::new(),
        }
    }

    fn pop(&mut self) -> Option<Bytes> {
        let piece = self.pending.pop_front()?;
        self.pending_len -= piece.len() as u64;
        Some(piece)
    }
}

/// Everything, and what it holds of the budget for as long as somebody keeps it.
struct Collected {
    bytes: Vec<u8>,
    _held: Held,
}

impl AsRef<[u8]> for Collected {
    fn as_ref(&self) -> &[u8] {
        &self.bytes
    }
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    fn pattern(len: usize) -> Vec<u8> {
        (0..len).map(|i| (i * 31 + i / 251) as u8).collect()
    }

    fn in_pieces(bytes: &[u8], sizes: &[usize]) -> Input {
        let mut input = Input::new();
        let (mut rest, mut sizes) = (bytes, sizes.iter().cycle());
        while let Some(&size) = sizes.next()
            && !rest.is_empty()
        {
            let (piece, after) = rest.split_at(size.min(rest.len()));
            input.push(Bytes::copy_from_slice(piece));
            rest = after;
        }
        input.finish();
        input
    }

    #[test]
    fn what_comes_whole_is_not_copied() {
        let bytes = Bytes::from(pattern(100_000));
        let mut input = Input::whole(bytes.clone());
        assert!(input.is_complete() && input.bytes().as_ptr() == bytes.as_ptr());
        input.release(10);
        assert_eq!((input.start(), input.len(), input.bytes()), (10, 100_000, &bytes[10..]));
        assert_eq!(input.slice(5..8).as_ptr(), bytes[15..].as_ptr());
        assert_eq!(input.slice(99_980..200_000), bytes[99_990..]);
        assert_eq!(input.more(), Ok(false));
        assert_eq!(input.take().map(|taken| taken.as_ptr()), Some(bytes[10..].as_ptr()));
        assert_eq!((input.take(), input.start()), (None, 100_000));
    }

    #[test]
    fn collecting_waits_for_the_end_and_holds_what_it_takes() {
        let bytes = pattern(2_000_000);
        let mut input = Input::new();
        let budget = Budget::new(2_000_000);
        bytes.chunks(300_000).for_each(|piece| input.push(Bytes::copy_from_slice(piece)));
        assert_eq!(input.collect(&budget), Ok(Poll::NeedInput));
        input.finish();
        let small = Budget::new(1_999_999);
        assert_eq!(
            in_pieces(&bytes, &[300_000]).collect(&small),
            Err(Error::OverBudget { needed: 2_000_000, allowed: 1_999_999 })
        );
        let mut steps = 0;
        let all = loop {
            match input.collect(&budget) {
                Ok(Poll::Ready(all)) => break all,
                Ok(Poll::Working) => steps += 1,
                other => unreachable!("{other:?}"),
            }
        };
        assert!(all == bytes && steps == 3, "{steps} steps");
        assert_eq!(budget.held(), 2_000_000);
        assert_eq!(
            input.collect(&budget).map(|all| all.map(|all| all.len())),
            Ok(Poll::Ready(2_000_000))
        );
        drop((all, input));
        assert_eq!(budget.held(), 0);
    }

    proptest! {
        #[test]
        fn the_window_goes_over_every_byte_in_order(
            len in 0..200_000usize,
            sizes in proptest::collection::vec(1..100_000usize, 1..8),
            uses in proptest::collection::vec(0..90_000usize, 1..8),
        ) {
            let bytes = pattern(len);
            let mut input = in_pieces(&bytes, &sizes);
            let mut seen = Vec::new();
            for used in uses.into_iter().cycle() {
                prop_assert_eq!(input.start(), seen.len() as u64);
                prop_assert_eq!(input.len(), len as u64);
                let window = input.bytes();
                prop_assert!(bytes[seen.len()..].starts_with(window));
                let used = used.min(window.len());
                seen.extend_from_slice(&window[..used]);
                input.release(used);
                if !input.more().unwrap_or(false) && used == 0 {
                    break;
                }
            }
            prop_assert!(input.is_complete());
            seen.extend_from_slice(input.bytes());
            prop_assert!(seen == bytes);
        }

        #[test]
        fn pieces_that_are_taken_are_everything(
            len in 0..100_000usize,
            sizes in proptest::collection::vec(1..9_000usize, 1..8),
            looks in 0..5usize,
        ) {
            let bytes = pattern(len);
            let mut input = in_pieces(&bytes, &sizes);
            for _ in 0..looks {
                prop_assert!(input.more().is_ok());
            }
            let mut seen = Vec::new();
            while let Some(piece) = input.take() {
                seen.extend_from_slice(&piece);
            }
            prop_assert!(seen == bytes);
        }
    }
}
