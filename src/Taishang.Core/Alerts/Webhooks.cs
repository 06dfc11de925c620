using System.Globalization;
using System.Net.Http.Headers;
using System.Net.Sockets;
using System.Security.Cryptography;
using System.Text;
using Microsoft.Extensions.Options;
using Taishang.Core.Security;

namespace Taishang.Core.Alerts;

/// <summary>How a webhook was answered.</summary>
/// <param name="Status">Null when no answer came.</param>
/// <param name="Error">Null when it was taken.</param>
internal sealed record WebhookAnswer(int? Status, string? Error)
{
    /// <summary>The receiver's wish, of 429 and 503.</summary>
    public TimeSpan? RetryAfter { get; init; }

    public bool Taken => Error is null;

    /// <summary>The receiver says that it is gone for good.</summary>
    public bool Gone => Status == 410;
}

/// <summary>
/// Sends webhooks, signed, to the address that was checked: what the name leads to is judged again at each connection,
/// redirects are not followed, and of an answer only the beginning is read.
/// </summary>
internal sealed class Webhooks : IDisposable
{
    /// <summary>The same over the attempts of a delivery, so that a receiver can tell what it has.</summary>
    public const string DeliveryHeader = "X-Taishang-Delivery";

    public const string EventHeader = "X-Taishang-Event";

    /// <summary>Seconds since 1970; a receiver refuses what is old, so that nobody can send it again.</summary>
    public const string TimestampHeader = "X-Taishang-Timestamp";

    /// <summary><c>v1=</c> and the HMAC-SHA256 of <c>TIMESTAMP.DELIVERY.BODY</c> in hexadecimal.</summary>
    public const string SignatureHeader = "X-Taishang-Signature";

    private const int AnswerBytesMax = 512;
    private const int ErrorCharactersMax = 500;

    private readonly EndpointRule _rule;
    private readonly TimeProvider _time;
    private readonly TimeSpan _timeout;
    private readonly HttpClient _http;

    public Webhooks(EndpointRule rule, TimeProvider time, IOptions<AlertOptions> options)
    {
        _rule = rule;
        _time = time;
        _timeout = TimeSpan.FromMilliseconds(options.Value.WebhookTimeoutMs);
        var handler = new SocketsHttpHandler
        {
            AllowAutoRedirect = false,
            UseProxy = false,
            UseCookies = false,
            PooledConnectionLifetime = TimeSpan.FromMinutes(1),
            MaxResponseHeadersLength = 16,
            MaxResponseDrainSize = 0,
            ConnectCallback = ConnectAsync,
        };
        _http = new HttpClient(handler, disposeHandler: true) { Timeout = Timeout.InfiniteTimeSpan };
    }

    public static string Sign(string secret, long timestamp, string deliveryId, string body)
    {
        var signed = Encoding.UTF8.GetBytes(
            string.Create(CultureInfo.InvariantCulture, $"{timestamp}.{deliveryId}.{body}"));
        return "v1=" + Convert.ToHexStringLower(HMACSHA256.HashData(Encoding.UTF8.GetBytes(secret), signed));
    }

    /// <summary>One attempt; never throws but when cancelled.</summary>
    public async Task<WebhookAnswer> SendAsync(
        string url, string secret, AlertDelivery delivery, CancellationToken cancellation)
    {
        using var timer = new CancellationTokenSource(_timeout, _time);
        using var limit = CancellationTokenSource.CreateLinkedTokenSource(timer.Token, cancellation);
        try
        {
            using var request = Request(url, secret, delivery);
            using var response = await _http.SendAsync(
                request, HttpCompletionOption.ResponseHeadersRead, limit.Token);
            if (response.IsSuccessStatusCode) return new WebhookAnswer((int)response.StatusCode, null);
            var text = await ReadAsync(response, limit.Token);
            return new WebhookAnswer((int)response.StatusCode, Cut($"HTTP {(int)response.StatusCode}: {text}"))
            {
                RetryAfter = response.Headers.RetryAfter?.Delta,
            };
        }
        catch (OperationCanceledException) when (!cancellation.IsCancellationRequested)
        {
            return new WebhookAnswer(null, $"no answer within {_timeout.TotalMilliseconds:0} ms");
        }
        catch (Exception e) when (!cancellation.IsCancellationRequested)
        {
            return new WebhookAnswer(null, Cut(e.InnerException?.Message ?? e.Message));
        }
    }

    public void Dispose() => _http.Dispose();

    private HttpRequestMessage Request(string url, string secret, AlertDelivery delivery)
    {
        var timestamp = _time.GetUtcNow().ToUnixTimeSeconds();
        var content = new ByteArrayContent(Encoding.UTF8.GetBytes(delivery.Body));
        content.Headers.ContentType = new MediaTypeHeaderValue("application/json", "utf-8");
        var request = new HttpRequestMessage(HttpMethod.Post, url) { Content = content };
        request.Headers.Add("User-Agent", "taishang");
        request.Headers.Add(EventHeader, $"alert.{delivery.Event}");
        request.Headers.Add(DeliveryHeader, delivery.Id);
        request.Headers.Add(TimestampHeader, timestamp.ToString(CultureInfo.InvariantCulture));
        request.Headers.Add(SignatureHeader, Sign(secret, timestamp, delivery.Id, delivery.Body));
        return request;
    }

    private async ValueTask<Stream> ConnectAsync(
        SocketsHttpConnectionContext context, CancellationToken cancellation)
    {
        var address = await _rule.ResolveAsync(context.DnsEndPoint.Host, cancellation);
        var socket = new Socket(SocketType.Stream, ProtocolType.Tcp) { NoDelay = true };
        try
        {
            await socket.ConnectAsync(address, context.DnsEndPoint.Port, cancellation);
            return new NetworkStream(socket, ownsSocket: true);
        }
        catch
        {
            socket.Dispose();
            throw;
        }
    }

    private static async Task<string> ReadAsync(HttpResponseMessage response, CancellationToken cancellation)
    {
        var buffer = new byte[AnswerBytesMax];
        await using var stream = await response.Content.ReadAsStreamAsync(cancellation);
        var length = await stream.ReadAtLeastAsync(buffer, buffer.Length, throwOnEndOfStream: false, cancellation);
        return Encoding.UTF8.GetString(buffer, 0, length);
    }

    private static string Cut(string text)
    {
        text = text.Replace('\0', ' ');
        return text.Length <= ErrorCharactersMax ? text : text[..ErrorCharactersMax];
    }
}
