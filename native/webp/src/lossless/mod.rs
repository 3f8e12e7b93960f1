//! VP8L, the lossless bitstream.
