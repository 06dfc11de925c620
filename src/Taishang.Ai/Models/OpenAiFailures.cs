using System.ClientModel.Primitives;
using System.Globalization;
using System.Net;
using System.Net.Http.Headers;
using System.Text;
using System.Text.Json;

namespace Taishang.Ai.Models;

/// <summary>
/// Turns what a service says is wrong into a failure of ours: by the status where there is one, by the error object's
/// own code where an error came with a status of success or in the middle of a stream.
/// </summary>
internal sealed class OpenAiFailures(OpenAiSettings settings, TimeProvider time)
{
    private const int MaxQuotedCharacters = 300;
    private const int MinSecretCharacters = 6;

    // Words in "code" or "type" by which services without a number say that they are asked too much.
    private static readonly string[] LimitWords = ["rate_limit", "ratelimit", "throttl", "quota", "too_many"];

    /// <summary>The failure that an error status means.</summary>
    public ModelException OfStatus(PipelineResponse response, ReadOnlySpan<byte> body)
    {
        string said = Quoted(MessageIn(body));
        string message = $"The service answered {response.Status}{(said.Length > 0 ? ": " + said : "")}.";
        return new ModelException(KindOf(response.Status), message) { RetryAfter = RetryAfterOf(response.Headers) };
    }

    /// <summary>The failure that an error object means; null if there is none in <paramref name="answer"/>.</summary>
    public ModelException? InAnswer(JsonElement answer)
    {
        if (answer.ValueKind != JsonValueKind.Object) return null;
        // vLLM's older form is the object itself, marked as an error.
        bool marked = answer.TryGetProperty("object", out JsonElement kind)
            && kind.ValueKind == JsonValueKind.String && kind.ValueEquals("error");
        JsonElement error = answer;
        if (!marked && (!answer.TryGetProperty("error", out error) || error.ValueKind == JsonValueKind.Null))
            return null;
        string said = error.ValueKind == JsonValueKind.String ? error.GetString() ?? "" : TextOf(error, "message");
        string code = error.ValueKind == JsonValueKind.Object
            ? TextOf(error, "code") + " " + TextOf(error, "type")
            : "";
        return new ModelException(
            KindOf(code), $"The service sent an error: {Quoted(said.Length > 0 ? said : code)}.");
    }

    /// <summary>The failure that an exception of the client library or the transport means.</summary>
    public ModelException OfTransport(Exception failure)
    {
        if (GuardedHttp.RefusalIn(failure) is { } refusal) return refusal;
        for (Exception? cause = failure; cause is not null; cause = cause.InnerException)
        {
            if (cause is TimeoutException) return NotConnected(failure);
            if (cause is HttpRequestException request && IsConnect(request.HttpRequestError))
            {
                return new ModelException(ModelErrorKind.UpstreamFailed,
                    $"The service could not be reached: {Quoted(cause.Message)}.", failure);
            }
        }
        return new ModelException(ModelErrorKind.UpstreamFailed,
            $"The service broke off before the end of its answer: {Quoted(failure.GetBaseException().Message)}.",
            failure);
    }

    public ModelException Late() => new(ModelErrorKind.UpstreamTimeout,
        $"The service did not answer within {settings.TimeoutMs} ms.");

    public ModelException NotConnected(Exception failure) => new(ModelErrorKind.UpstreamTimeout,
        $"The service could not be connected within {settings.ConnectTimeoutMs} ms.", failure);

    public static ModelException Nonsense(string what, Exception? inner = null) =>
        new(ModelErrorKind.UpstreamFailed, $"The service's answer can not be used: {what}.", inner);

    private static bool IsConnect(HttpRequestError error) => error is HttpRequestError.ConnectionError
        or HttpRequestError.NameResolutionError or HttpRequestError.SecureConnectionError;

    private static ModelErrorKind KindOf(int status) => (HttpStatusCode)status switch
    {
        HttpStatusCode.Unauthorized or HttpStatusCode.Forbidden => ModelErrorKind.UpstreamUnauthorized,
        HttpStatusCode.TooManyRequests => ModelErrorKind.UpstreamLimited,
        HttpStatusCode.RequestTimeout or HttpStatusCode.GatewayTimeout => ModelErrorKind.UpstreamTimeout,
        HttpStatusCode.NotFound => ModelErrorKind.UnknownModel,
        HttpStatusCode.BadRequest or HttpStatusCode.RequestEntityTooLarge
            or HttpStatusCode.UnprocessableEntity => ModelErrorKind.InvalidInput,
        _ => ModelErrorKind.UpstreamFailed,
    };

    private static ModelErrorKind KindOf(string code)
    {
        string first = code.Split(' ', 2)[0];
        bool isStatus = int.TryParse(first, NumberStyles.None, CultureInfo.InvariantCulture, out int status)
            && status is > 399 and < 600;
        if (isStatus) return KindOf(status);
        return LimitWords.Any(word => code.Contains(word, StringComparison.OrdinalIgnoreCase))
            ? ModelErrorKind.UpstreamLimited
            : ModelErrorKind.UpstreamFailed;
    }

    private TimeSpan? RetryAfterOf(PipelineResponseHeaders headers)
    {
        // The finer header of OpenAI and Azure; the standard one has whole seconds or a date.
        if (headers.TryGetValue("retry-after-ms", out string? text)
            && double.TryParse(text, NumberStyles.AllowDecimalPoint, CultureInfo.InvariantCulture, out double ms)
            && ms < TimeSpan.MaxValue.TotalMilliseconds)
        {
            return TimeSpan.FromMilliseconds(ms);
        }
        if (!headers.TryGetValue("Retry-After", out text)
            || !RetryConditionHeaderValue.TryParse(text, out RetryConditionHeaderValue? value))
        {
            return null;
        }
        TimeSpan? wait = value.Delta ?? (value.Date is { } date ? date - time.GetUtcNow() : null);
        return wait is { } span && span < TimeSpan.Zero ? TimeSpan.Zero : wait;
    }

    private static string MessageIn(ReadOnlySpan<byte> body)
    {
        string text = Encoding.UTF8.GetString(body);
        try
        {
            using JsonDocument document = JsonDocument.Parse(text);
            JsonElement root = document.RootElement;
            if (root.ValueKind != JsonValueKind.Object) return text;
            if (root.TryGetProperty("error", out JsonElement error))
            {
                if (error.ValueKind == JsonValueKind.String) return error.GetString() ?? text;
                if (error.ValueKind == JsonValueKind.Object && TextOf(error, "message") is { Length: > 0 } inner)
                    return inner;
            }
            return TextOf(root, "message") is { Length: > 0 } plain ? plain : text;
        }
        catch (JsonException)
        {
            return text;
        }
    }

    private static string TextOf(JsonElement parent, string name) =>
        !parent.TryGetProperty(name, out JsonElement value) ? ""
        : value.ValueKind == JsonValueKind.String ? value.GetString() ?? ""
        : value.ValueKind == JsonValueKind.Number ? value.GetRawText() : "";

    // What a service says back may hold what was sent, and it goes into messages and logs.
    private string Quoted(string text)
    {
        if (settings.ApiKey.Length > 0) text = text.Replace(settings.ApiKey, "[secret]", StringComparison.Ordinal);
        foreach (string value in settings.Headers.Values)
        {
            if (value.Length >= MinSecretCharacters)
                text = text.Replace(value, "[header]", StringComparison.Ordinal);
        }
        text = new string([.. text.Where(piece => !char.IsControl(piece)).Take(MaxQuotedCharacters)]);
        return text.Trim().TrimEnd('.');
    }
}
