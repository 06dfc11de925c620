using System.Buffers;
using System.Text.Json;
using Google.Protobuf;
using Taishang.Core.Api;
using Taishang.Core.Models;

namespace Taishang.Core.Gateway.OpenAi;

/// <summary>
/// The body of a chat completion: what we must know of it is read, and all else passes through to the model as it
/// came, so that what a newer provider takes needs nothing of us.
/// </summary>
internal sealed class ChatBody
{
    /// <summary>Schemas of tools are nested deeply.</summary>
    private const int DepthMax = 64;

    private const int MessagesMax = 10_000;
    private const int ChoicesMax = 128;

    private static readonly JsonDocumentOptions Options =
        new() { MaxDepth = DepthMax, AllowDuplicateProperties = false };

    private ChatBody()
    {
    }

    /// <summary>A route or a model; null where the path names it.</summary>
    public string? Model { get; private init; }

    public bool Stream { get; private init; }

    /// <summary>The stream ends with a part that holds the usage.</summary>
    public bool IncludeUsage { get; private init; }

    /// <summary>What the messages say, without pictures and sounds.</summary>
    public IReadOnlyList<string> Texts { get; private init; } = [];

    public CallSize Size { get; private init; }

    /// <summary>The body less model, stream and stream_options.</summary>
    public ByteString Json { get; private init; } = ByteString.Empty;

    /// <exception cref="ApiException">Not such a body.</exception>
    public static ChatBody Read(ReadOnlyMemory<byte> json, bool takesModel)
    {
        using var document = Parse(json);
        var root = document.RootElement;
        var errors = new FieldErrors();
        if (root.ValueKind != JsonValueKind.Object)
            throw new ApiException(ErrorCodes.WrongType, "body: expected an object");
        var model = TextOf(errors, root, "model");
        if (takesModel && model is null) errors.Add(ErrorCodes.MissingField, "model", "required and missing");
        if (!takesModel && model is not null) errors.Add(ErrorCodes.InvalidArgument, "model", "the route chooses it");
        if (model?.Length is 0 or > ModelReference.LengthMax)
            errors.Add(ErrorCodes.InvalidArgument, "model",
                $"expected 1 to {ModelReference.LengthMax} characters");
        var texts = MessagesOf(errors, root);
        var stream = FlagOf(errors, root, "stream");
        var usage = root.TryGetProperty("stream_options", out var options) && options.ValueKind == JsonValueKind.Object
            && FlagOf(errors, options, "include_usage");
        var choices = NumberOf(errors, root, "n", ChoicesMax) ?? 1;
        var output = NumberOf(errors, root, "max_completion_tokens", int.MaxValue)
            ?? NumberOf(errors, root, "max_tokens", int.MaxValue);
        errors.ThrowIfAny();
        return new ChatBody
        {
            Model = model,
            Stream = stream,
            IncludeUsage = usage,
            Texts = texts,
            // Names, roles, tools and marks between messages are read by the model too.
            Size = new CallSize(json.Length, output * choices, 1) { Choices = (int)choices },
            Json = Rest(root),
        };
    }

    private static JsonDocument Parse(ReadOnlyMemory<byte> json)
    {
        if (json.IsEmpty)
            throw new ApiException(ErrorCodes.MalformedJson, "body: expected a JSON object, came nothing");
        try
        {
            return JsonDocument.Parse(json, Options);
        }
        catch (JsonException e)
        {
            throw JsonFault.Explain(e);
        }
    }

    private static List<string> MessagesOf(FieldErrors errors, JsonElement root)
    {
        var texts = new List<string>();
        if (!root.TryGetProperty("messages", out var messages))
        {
            errors.Add(ErrorCodes.MissingField, "messages", "required and missing");
            return texts;
        }

        if (messages.ValueKind != JsonValueKind.Array)
        {
            errors.Add(ErrorCodes.WrongType, "messages", "expected an array");
            return texts;
        }

        if (messages.GetArrayLength() is 0 or > MessagesMax)
            errors.Add(ErrorCodes.InvalidArgument, "messages",
                $"expected 1 to {MessagesMax} messages, came {messages.GetArrayLength()}");
        var i = 0;
        foreach (var message in messages.EnumerateArray())
        {
            if (message.ValueKind != JsonValueKind.Object)
                errors.Add(ErrorCodes.WrongType, $"messages[{i}]", "expected an object");
            else if (message.TryGetProperty("content", out var content)) AddTexts(texts, content);
            i++;
        }

        return texts;
    }

    /// <summary>Content is a text, or a list of parts of which some hold one.</summary>
    private static void AddTexts(List<string> texts, JsonElement content)
    {
        if (content.ValueKind == JsonValueKind.String) texts.Add(content.GetString() ?? "");
        if (content.ValueKind != JsonValueKind.Array) return;
        foreach (var part in content.EnumerateArray())
        {
            if (part.ValueKind == JsonValueKind.Object && part.TryGetProperty("text", out var text)
                && text.ValueKind == JsonValueKind.String) texts.Add(text.GetString() ?? "");
        }
    }

    private static string? TextOf(FieldErrors errors, JsonElement root, string name)
    {
        if (!Has(root, name, out var value)) return null;
        if (value.ValueKind == JsonValueKind.String) return value.GetString();
        errors.Add(ErrorCodes.WrongType, name, "expected a string");
        return null;
    }

    private static bool FlagOf(FieldErrors errors, JsonElement root, string name)
    {
        if (!Has(root, name, out var value)) return false;
        if (value.ValueKind is not (JsonValueKind.True or JsonValueKind.False))
            errors.Add(ErrorCodes.WrongType, name, "expected true or false");
        return value.ValueKind == JsonValueKind.True;
    }

    private static long? NumberOf(FieldErrors errors, JsonElement root, string name, int most)
    {
        if (!Has(root, name, out var value)) return null;
        if (value.ValueKind == JsonValueKind.Number && value.TryGetInt64(out var number) && number >= 1
            && number <= most) return number;
        errors.Add(ErrorCodes.InvalidArgument, name, $"expected a whole number from 1 to {most}");
        return null;
    }

    private static bool Has(JsonElement root, string name, out JsonElement value) =>
        root.TryGetProperty(name, out value) && value.ValueKind != JsonValueKind.Null;

    private static ByteString Rest(JsonElement root)
    {
        var buffer = new ArrayBufferWriter<byte>();
        using (var writer = new Utf8JsonWriter(buffer, Envelope.WriterOptions))
        {
            writer.WriteStartObject();
            foreach (var property in root.EnumerateObject())
            {
                if (property.Name is not ("model" or "stream" or "stream_options")) property.WriteTo(writer);
            }

            writer.WriteEndObject();
        }

        return UnsafeByteOperations.UnsafeWrap(buffer.WrittenMemory);
    }
}
