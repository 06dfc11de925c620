using System.Buffers;
using System.Text.Unicode;
using Microsoft.AspNetCore.Http;
using Microsoft.AspNetCore.Http.Features;
using Microsoft.Extensions.DependencyInjection;
using Microsoft.Extensions.Options;

namespace Taishang.Core.Api;

/// <summary>
/// A request's whole body in one rented buffer: what the idempotency key hashes and what the handler parses are the
/// same bytes. The buffer goes back when the answer is complete, so slices of it must not outlive the request.
/// </summary>
public sealed class RequestBody : IDisposable
{
    /// <summary>A promise of length alone rents no more than this; the rest is rented as bytes really come.</summary>
    private const int FirstBufferBytesMax = 1 << 20;

    private byte[] _buffer;
    private int _length;

    private RequestBody(int bytes) => _buffer = ArrayPool<byte>.Shared.Rent(bytes);

    /// <summary>The bytes as they came.</summary>
    public ReadOnlyMemory<byte> Bytes => _buffer.AsMemory(0, _length);

    /// <summary>Reads the body, or gives the one that was read before for this request.</summary>
    /// <exception cref="ApiException">The body is larger than <see cref="ApiOptions.BodyBytesMax"/>.</exception>
    public static async ValueTask<RequestBody> ReadAsync(HttpContext context, CancellationToken cancellation)
    {
        if (context.Features.Get<RequestBody>() is { } known) return known;
        var bytesMax = context.RequestServices.GetRequiredService<IOptions<ApiOptions>>().Value.BodyBytesMax;
        var promised = context.Request.ContentLength ?? 0;
        if (promised > bytesMax) throw TooLarge(bytesMax, $"{promised} bytes");
        // The limit is ours, with its own answer; the server's would end the connection with less to say.
        if (context.Features.Get<IHttpMaxRequestBodySizeFeature>() is { IsReadOnly: false } limit)
            limit.MaxRequestBodySize = null;

        var body = new RequestBody((int)Math.Clamp(promised, 256, FirstBufferBytesMax));
        context.Response.RegisterForDispose(body);
        await body.FillAsync(context.Request, bytesMax, cancellation);
        context.Features.Set(body);
        return body;
    }

    /// <summary>The bytes as JSON text: a byte order mark skipped, UTF-8 and escapes checked.</summary>
    /// <exception cref="ApiException">Not UTF-8, or an escape that is no character.</exception>
    public ReadOnlyMemory<byte> JsonText()
    {
        var bytes = Bytes;
        if (bytes.Span.StartsWith("\uFEFF"u8)) bytes = bytes[3..];
        if (!Utf8.IsValid(bytes.Span))
            throw new ApiException(
                ErrorCodes.MalformedJson, $"body: not UTF-8 from byte {FirstInvalid(bytes.Span) + 1}");
        JsonEscapes.Check(bytes.Span);
        return bytes;
    }

    public void Dispose()
    {
        var buffer = Interlocked.Exchange(ref _buffer, []);
        _length = 0;
        if (buffer.Length > 0) ArrayPool<byte>.Shared.Return(buffer);
    }

    private static ApiException TooLarge(int bytesMax, string came) =>
        new(ErrorCodes.BodyTooLarge, $"body: expected at most {bytesMax} bytes, came {came}");

    private static int FirstInvalid(ReadOnlySpan<byte> bytes)
    {
        var at = 0;
        while (at < bytes.Length
            && System.Text.Rune.DecodeFromUtf8(bytes[at..], out _, out var used) == OperationStatus.Done) at += used;
        return at;
    }

    private async Task FillAsync(HttpRequest request, int bytesMax, CancellationToken cancellation)
    {
        while (true)
        {
            if (_length == _buffer.Length) Grow(bytesMax);
            var read = await request.Body.ReadAsync(_buffer.AsMemory(_length), cancellation);
            if (read == 0) return;
            _length += read;
            if (_length > bytesMax) throw TooLarge(bytesMax, "more");
        }
    }

    private void Grow(int bytesMax)
    {
        // One byte above the limit is room enough to see that it is passed.
        var larger = ArrayPool<byte>.Shared.Rent((int)Math.Min((long)_buffer.Length * 2, (long)bytesMax + 1));
        Bytes.Span.CopyTo(larger);
        ArrayPool<byte>.Shared.Return(_buffer);
        _buffer = larger;
    }
}
