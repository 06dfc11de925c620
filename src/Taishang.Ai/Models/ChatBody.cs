using System.Buffers;
using System.Text.Encodings.Web;
using System.Text.Json;

namespace Taishang.Ai.Models;

/// <summary>
/// The body of a chat request as the service gets it: the caller's, with the model, the stream and, for a stream, the
/// wish for usage set here, and the configuration's extra fields where the caller brings none of that name.
/// </summary>
internal sealed class ChatBody
{
    private const int MaxDepth = 64;
    private const int TokensPerMessage = 4;
    private static readonly JsonDocumentOptions Reading = new()
    {
        MaxDepth = MaxDepth,
        // A field that comes twice would be one to us and another to the service.
        AllowDuplicateProperties = false,
    };
    private static readonly JsonWriterOptions Writing = new() { Encoder = JavaScriptEncoder.UnsafeRelaxedJsonEscaping };

    private ChatBody(byte[] json, bool wantsUsage, long promptTokens)
    {
        Json = json;
        CallerWantsUsage = wantsUsage;
        EstimatedPromptTokens = promptTokens;
    }

    public byte[] Json { get; }

    /// <summary>Whether the caller asked for the chunk of usage at a stream's end, and so gets to see it.</summary>
    public bool CallerWantsUsage { get; }

    /// <summary>For services that count nothing.</summary>
    public long EstimatedPromptTokens { get; }

    /// <exception cref="ModelException">Of kind InvalidInput: it is no chat.</exception>
    public static ChatBody Build(ChatCall call, OpenAiSettings settings, int maxBytes)
    {
        using JsonDocument document = Parse(call.Body, maxBytes);
        JsonElement root = document.RootElement;
        bool wantsUsage = root.TryGetProperty("stream_options", out JsonElement stream)
            && stream.ValueKind == JsonValueKind.Object
            && stream.TryGetProperty("include_usage", out JsonElement usage) && usage.ValueKind == JsonValueKind.True;
        var buffer = new ArrayBufferWriter<byte>(call.Body.Length + 256);
        using var writer = new Utf8JsonWriter(buffer, Writing);
        writer.WriteStartObject();
        writer.WriteString("model", settings.Model);
        writer.WriteBoolean("stream", call.Stream);
        foreach (JsonProperty property in root.EnumerateObject())
        {
            if (property.Name is not ("model" or "stream" or "stream_options")) property.WriteTo(writer);
        }
        // Services refuse options of a stream where none is asked for.
        if (call.Stream) WriteStreamOptions(writer, stream, settings.StreamUsage);
        if (settings.Extra is { } extra)
        {
            foreach (JsonProperty property in extra.EnumerateObject())
            {
                bool set = property.Name is "model" or "stream" or "stream_options"
                    || root.TryGetProperty(property.Name, out _);
                if (!set) property.WriteTo(writer);
            }
        }
        writer.WriteEndObject();
        writer.Flush();
        return new ChatBody(buffer.WrittenSpan.ToArray(), wantsUsage, EstimateOf(root));
    }

    private static void WriteStreamOptions(Utf8JsonWriter writer, JsonElement given, bool askUsage)
    {
        bool isObject = given.ValueKind == JsonValueKind.Object;
        if (!isObject && !askUsage) return;
        writer.WriteStartObject("stream_options");
        if (isObject)
        {
            foreach (JsonProperty property in given.EnumerateObject())
            {
                if (!askUsage || property.Name != "include_usage") property.WriteTo(writer);
            }
        }
        if (askUsage) writer.WriteBoolean("include_usage", true);
        writer.WriteEndObject();
    }

    private static JsonDocument Parse(ReadOnlyMemory<byte> body, int maxBytes)
    {
        if (body.Length > maxBytes)
            throw Refused("body", $"at most {maxBytes} bytes are taken, {body.Length} came");
        JsonDocument document;
        try
        {
            document = JsonDocument.Parse(body, Reading);
        }
        catch (JsonException failure)
        {
            throw Refused("body", $"a JSON object without repeated fields is expected: {failure.Message}");
        }
        string? fault = document.RootElement.ValueKind != JsonValueKind.Object ? "body"
            : !document.RootElement.TryGetProperty("messages", out JsonElement messages)
                || messages.ValueKind != JsonValueKind.Array || messages.GetArrayLength() == 0 ? "messages"
            : null;
        if (fault is null) return document;
        document.Dispose();
        throw Refused(
            fault, fault == "body" ? "a JSON object is expected" : "a list of at least one message is expected");
    }

    private static long EstimateOf(JsonElement root)
    {
        var estimate = default(TokenEstimate);
        long fixedTokens = 0;
        foreach (JsonElement message in root.GetProperty("messages").EnumerateArray())
        {
            fixedTokens += TokensPerMessage;
            if (message.ValueKind != JsonValueKind.Object) continue;
            if (!message.TryGetProperty("content", out JsonElement content)) continue;
            if (content.ValueKind == JsonValueKind.String) estimate.Add(content.GetString());
            if (content.ValueKind != JsonValueKind.Array) continue;
            foreach (JsonElement part in content.EnumerateArray())
            {
                bool isText = part.ValueKind == JsonValueKind.Object
                    && part.TryGetProperty("text", out JsonElement text) && text.ValueKind == JsonValueKind.String;
                if (isText) estimate.Add(part.GetProperty("text").GetString());
            }
        }
        // The tools are read as text too.
        if (root.TryGetProperty("tools", out JsonElement tools)) estimate.Add(tools.GetRawText());
        return estimate.Tokens + fixedTokens;
    }

    private static ModelException Refused(string field, string reason) =>
        new(ModelErrorKind.InvalidInput, $"{field}: {reason}.") { Field = field };
}
