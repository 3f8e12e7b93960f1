//! PackBits, and how SGI packs logarithms: runs of one byte, and bytes as they are.

use super::done::Done;

#[derive(Debug, Default)]
pub(in super::super) struct PackBits {
    state: State,
    is_of_logs: bool,
}

#[derive(Debug, Default, Clone, Copy)]
enum State {
    /// A header is next.
    #[default]
    Header,
    /// The byte that is repeated so many times is next.
    Byte(usize),
    Run(u8, usize),
    Literal(usize),
}

impl PackBits {
    /// SGI's way: longer runs have higher headers.
    pub(in super::super) fn of_logs() -> Self {
        PackBits { is_of_logs: true, ..PackBits::default() }
    }

    pub(in super::super) fn restart(&mut self) {
        self.state = State::Header;
    }

    pub(in super::super) fn run(&mut self, input: &[u8], out: &mut [u8]) -> Done {
        let (mut consumed, mut produced) = (0, 0);
        loop {
            let (rest, room) = (&input[consumed..], &mut out[produced..]);
            self.state = match self.state {
                State::Header | State::Byte(_) if rest.is_empty() || room.is_empty() => break,
                State::Header => {
                    consumed += 1;
                    match rest[0] {
                        length @ 0x80.. if self.is_of_logs => {
                            State::Byte(usize::from(length) - 126)
                        }
                        0 if self.is_of_logs => State::Header,
                        length if self.is_of_logs => State::Literal(length.into()),
                        0x80 => State::Header,
                        length @ 0..0x80 => State::Literal(usize::from(length) + 1),
                        length => State::Byte(257 - usize::from(length)),
                    }
                }
                State::Byte(length) => {
                    consumed += 1;
                    State::Run(rest[0], length)
                }
                State::Run(byte, length) => {
                    let now = length.min(room.len());
                    room[..now].fill(byte);
                    produced += now;
                    if now < length {
                        self.state = State::Run(byte, length - now);
                        break;
                    }
                    State::Header
                }
                State::Literal(length) => {
                    let now = length.min(room.len()).min(rest.len());
                    room[..now].copy_from_slice(&rest[..now]);
                    consumed += now;
                    produced += now;
                    if now < length {
                        self.state = State::Literal(length - now);
                        break;
                    }
                    State::Header
                }
            };
        }
        Done { consumed, produced }
    }
}
