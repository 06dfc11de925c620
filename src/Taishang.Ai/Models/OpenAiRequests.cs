using System.Net;
using System.Net.Http.Headers;
using System.Net.Http.Json;
using System.Text.Json;
using System.Text.Json.Serialization;

namespace Taishang.Ai.Models;

/// <summary>
/// Sends texts to an OpenAI-compatible service and reads the vectors. Never retries: the caller knows what it may
/// repeat, and every failure says whether that makes sense.
/// </summary>
internal sealed class OpenAiRequests(HttpClient client, OpenAiSettings settings, TimeProvider time)
{
    private const int MaxRedirects = 3;
    private const int MaxQuotedCharacters = 300;
    private const long MaxErrorBytes = 64 << 10;
    private const long MaxTokensReported = 1L << 40;
    private static readonly JsonSerializerOptions Json = new()
    {
        PropertyNamingPolicy = JsonNamingPolicy.SnakeCaseLower,
    };

    /// <summary>
    /// Embeds one batch; gives the vectors row after row, their dimensions and the tokens that were used.
    /// </summary>
    /// <exception cref="ModelException">Of an Upstream kind, EndpointRefused, UnknownModel or InvalidInput.</exception>
    public async Task<(float[] Vectors, int Dimensions, long Tokens)> SendAsync(
        string[] texts, CancellationToken cancellationToken)
    {
        using var timeout = new CancellationTokenSource(TimeSpan.FromMilliseconds(settings.TimeoutMs), time);
        using var either = CancellationTokenSource.CreateLinkedTokenSource(timeout.Token, cancellationToken);
        try
        {
            using HttpResponseMessage response = await FollowAsync(texts, either.Token);
            if (!response.IsSuccessStatusCode) throw await FailureOfAsync(response, either.Token);
            await response.Content.LoadIntoBufferAsync(client.MaxResponseContentBufferSize, either.Token);
            Answer? answer = await response.Content.ReadFromJsonAsync<Answer>(Json, either.Token);
            return Read(answer, texts.Length);
        }
        catch (OperationCanceledException) when (!cancellationToken.IsCancellationRequested)
        {
            throw new ModelException(ModelErrorKind.UpstreamTimeout,
                $"The service did not answer within {settings.TimeoutMs} ms.");
        }
        catch (HttpRequestException failure)
        {
            for (Exception? cause = failure; cause is not null; cause = cause.InnerException)
            {
                // Thrown where the address was checked, and wrapped by the client on its way.
                if (cause is ModelException refusal)
                    throw new ModelException(refusal.Kind, refusal.Message, failure);
            }
            if (failure.HttpRequestError == HttpRequestError.ConfigurationLimitExceeded)
            {
                throw new ModelException(ModelErrorKind.UpstreamFailed,
                    $"The service's answer has more than {client.MaxResponseContentBufferSize} bytes.", failure);
            }
            throw new ModelException(ModelErrorKind.UpstreamFailed,
                $"The service could not be reached: {Quoted(failure.Message)}", failure);
        }
        catch (Exception failure) when (failure is JsonException or IOException or NotSupportedException)
        {
            throw new ModelException(ModelErrorKind.UpstreamFailed,
                "The service's answer is not the JSON that it should be.", failure);
        }
    }

    private async Task<HttpResponseMessage> FollowAsync(string[] texts, CancellationToken cancellationToken)
    {
        Uri address = settings.Address;
        for (int hop = 0; ; hop++)
        {
            using var request = new HttpRequestMessage(HttpMethod.Post, address)
            {
                Content = JsonContent.Create(
                    new Request(settings.Model, texts, "float", settings.Dimensions), options: Json),
            };
            // The secret belongs to the registered service, not to whom it sends us on to.
            bool sameOrigin = Uri.Compare(address, settings.Address, UriComponents.SchemeAndServer,
                UriFormat.Unescaped, StringComparison.OrdinalIgnoreCase) == 0;
            if (settings.ApiKey.Length > 0 && sameOrigin)
                request.Headers.Authorization = new AuthenticationHeaderValue("Bearer", settings.ApiKey);
            HttpResponseMessage response = await client.SendAsync(
                request, HttpCompletionOption.ResponseHeadersRead, cancellationToken);
            if (response.StatusCode is not (HttpStatusCode.TemporaryRedirect or HttpStatusCode.PermanentRedirect))
                return response;
            Uri? next = response.Headers.Location is { } location ? new Uri(address, location) : null;
            response.Dispose();
            address = Next(address, next, hop);
        }
    }

    private static Uri Next(Uri from, Uri? to, int hop)
    {
        bool downgraded = from.Scheme == Uri.UriSchemeHttps && to?.Scheme != Uri.UriSchemeHttps;
        bool foreign = to?.Scheme != Uri.UriSchemeHttp && to?.Scheme != Uri.UriSchemeHttps;
        if (to is null || hop == MaxRedirects || downgraded || foreign)
        {
            throw new ModelException(ModelErrorKind.UpstreamFailed,
                $"The service redirects more than {MaxRedirects} times, nowhere, or to an unsafe scheme.");
        }
        return to;
    }

    private async Task<ModelException> FailureOfAsync(HttpResponseMessage response, CancellationToken cancellationToken)
    {
        int status = (int)response.StatusCode;
        string said = await BodyAsync(response, cancellationToken);
        string message = $"The service answered {status}{(said.Length > 0 ? ": " + said : "")}.";
        ModelErrorKind kind = response.StatusCode switch
        {
            HttpStatusCode.Unauthorized or HttpStatusCode.Forbidden => ModelErrorKind.UpstreamUnauthorized,
            HttpStatusCode.TooManyRequests => ModelErrorKind.UpstreamLimited,
            HttpStatusCode.RequestTimeout or HttpStatusCode.GatewayTimeout => ModelErrorKind.UpstreamTimeout,
            HttpStatusCode.NotFound => ModelErrorKind.UnknownModel,
            HttpStatusCode.BadRequest or HttpStatusCode.RequestEntityTooLarge
                or HttpStatusCode.UnprocessableEntity => ModelErrorKind.InvalidInput,
            _ => ModelErrorKind.UpstreamFailed,
        };
        return new ModelException(kind, message) { RetryAfter = RetryAfterOf(response) };
    }

    private TimeSpan? RetryAfterOf(HttpResponseMessage response)
    {
        TimeSpan? wait = response.Headers.RetryAfter?.Delta
            ?? (response.Headers.RetryAfter?.Date is { } date ? date - time.GetUtcNow() : null);
        return wait is { } span && span < TimeSpan.Zero ? TimeSpan.Zero : wait;
    }

    private async Task<string> BodyAsync(HttpResponseMessage response, CancellationToken cancellationToken)
    {
        try
        {
            await response.Content.LoadIntoBufferAsync(MaxErrorBytes, cancellationToken);
            return Quoted(await response.Content.ReadAsStringAsync(cancellationToken));
        }
        catch (HttpRequestException)
        {
            return ""; // Longer than an explanation is; the status says enough.
        }
    }

    // What a service says back may hold what was sent, and it goes into messages and logs.
    private string Quoted(string text)
    {
        if (settings.ApiKey.Length > 0) text = text.Replace(settings.ApiKey, "[secret]", StringComparison.Ordinal);
        text = new string([.. text.Where(piece => !char.IsControl(piece)).Take(MaxQuotedCharacters)]);
        return text.Trim().TrimEnd('.');
    }

    private static (float[] Vectors, int Dimensions, long Tokens) Read(Answer? answer, int count)
    {
        IReadOnlyList<Item> data = answer?.Data ?? [];
        if (data.Count != count) throw Nonsense($"{count} vectors were asked for, {data.Count} came");
        int dimensions = data[0]?.Embedding?.Length ?? 0;
        if (dimensions == 0) throw Nonsense("a vector is empty");
        float[] vectors = new float[count * dimensions];
        bool[] seen = new bool[count];
        foreach (Item item in data)
        {
            int row = item?.Index ?? -1;
            if (row < 0 || row >= count || seen[row]) throw Nonsense($"its index {row} is not one of {count}");
            seen[row] = true;
            if (item?.Embedding?.Length != dimensions) throw Nonsense("its vectors differ in length");
            foreach (float value in item.Embedding)
            {
                if (!float.IsFinite(value)) throw Nonsense("a vector holds numbers that are not finite");
            }
            item.Embedding.CopyTo(vectors, row * dimensions);
        }
        return (vectors, dimensions, Math.Clamp(answer?.Usage?.PromptTokens ?? 0, 0, MaxTokensReported));
    }

    private static ModelException Nonsense(string what) =>
        new(ModelErrorKind.UpstreamFailed, $"The service's answer can not be used: {what}.");

    private sealed record Request(
        string Model, string[] Input, string EncodingFormat,
        [property: JsonIgnore(Condition = JsonIgnoreCondition.WhenWritingNull)] int? Dimensions);

    private sealed record Answer(Item[]? Data, Usage? Usage);

    private sealed record Item(int? Index, float[]? Embedding);

    private sealed record Usage(long? PromptTokens);
}
