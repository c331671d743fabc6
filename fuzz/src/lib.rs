//! What every target checks: reading does not panic and takes memory in proportion to the bytes,
//! and what could be read can be written and read again.

#[path = "../../rust/wire/tests/wire/counting_allocator.rs"]
mod counting_allocator;

use base::codec::{DecodeError, EncodeError, Frame, Reader, Writer};
use bytes::Bytes;
use wire::{AnyRequest, AnyResponse, ApiKey, decode_request_header};

use counting_allocator::{CountingAllocator, peak_heap};

#[global_allocator]
static ALLOCATOR: CountingAllocator = CountingAllocator;

/// At most this many bytes of heap for each byte of the frame,
const HEAP_PER_FRAME_BYTE: usize = 64;
/// and these, however small the frame.
const HEAP_MIN: usize = 64 * 1024;

/// A request's body; the first byte chooses the version.
pub fn read_request(api: ApiKey, data: &[u8]) {
    let Some((&choice, body)) = data.split_first() else { return };
    let version = version(api, choice);
    let request = bounded(body, |reader| AnyRequest::decode(api, reader, version));
    if let Ok(request) = request {
        let again = recoded(
            |writer| request.encode(writer, version),
            |reader| AnyRequest::decode(api, reader, version),
        );
        assert_eq!(again, request);
    }
}

/// An answer's body; the first two bytes choose the request and the version.
pub fn read_response(data: &[u8]) {
    let [api, version_choice, body @ ..] = data else { return };
    let api = ApiKey::ALL[usize::from(*api) % ApiKey::ALL.len()];
    let version = version(api, *version_choice);
    let response = bounded(body, |reader| AnyResponse::decode(api, reader, version));
    if let Ok(response) = response {
        let again = recoded(
            |writer| response.encode(writer, version),
            |reader| AnyResponse::decode(api, reader, version),
        );
        assert_eq!(again, response);
    }
}

/// A frame without its length, as a connection hands it over. An error of the header ends it.
pub fn read_frame(data: &[u8]) {
    let _ = bounded(data, |reader| {
        let Ok((api, header)) = decode_request_header(reader) else { return Ok(None) };
        AnyRequest::decode(api, reader, header.request_api_version).map(Some)
    });
}

fn version(api: ApiKey, choice: u8) -> i16 {
    let served = api.served();
    served.min + i16::from(choice) % (served.max - served.min + 1)
}

fn bounded<T>(
    bytes: &[u8],
    read: impl FnOnce(&mut Reader) -> Result<T, DecodeError>,
) -> Result<T, DecodeError> {
    let frame = Bytes::copy_from_slice(bytes);
    let (result, peak) = peak_heap(|| read(&mut Reader::new(frame)));
    let bound = HEAP_PER_FRAME_BYTE * bytes.len() + HEAP_MIN;
    assert!(peak <= bound, "{peak} bytes of heap for a frame of {}", bytes.len());
    result
}

fn recoded<T>(
    write: impl FnOnce(&mut Writer) -> Result<(), EncodeError>,
    read: impl FnOnce(&mut Reader) -> Result<T, DecodeError>,
) -> T {
    let mut writer = Writer::new();
    write(&mut writer).expect("what was read can be written");
    let frame: Frame = writer.finish().expect("what was in a frame fits one");
    let bytes = frame.collect().expect("everything is in memory");
    read(&mut Reader::new(bytes)).expect("what was written can be read")
}
