using System.Text.Json;
using Taishang.Core.Api;
using Taishang.Core.Models;
using Taishang.Core.Vectors;

namespace Taishang.Core.Gateway.OpenAi;

/// <summary>The body of POST /v1/embeddings. Fields that are not known are passed over, as OpenAI's clients expect of
/// a server older than they are.</summary>
internal sealed record EmbeddingsBody
{
    private const string TokensRefused =
        "expected a string or an array of strings; arrays of tokens are not taken, since each model cuts texts in its"
        + " own way";

    public required string Model { get; init; }

    public required IReadOnlyList<string> Texts { get; init; }

    /// <summary>Little-endian float32 in base64 in the place of numbers.</summary>
    public bool Base64 { get; init; }

    public int? Dimensions { get; init; }

    /// <exception cref="ApiException">With every broken rule that was found.</exception>
    public static EmbeddingsBody Read(ReadOnlyMemory<byte> json)
    {
        using var document = Parse(json);
        var root = document.RootElement;
        if (root.ValueKind != JsonValueKind.Object)
            throw new ApiException(ErrorCodes.WrongType, "body: expected an object");
        var errors = new FieldErrors();
        var body = new EmbeddingsBody
        {
            Model = ModelOf(errors, root),
            Texts = TextsOf(errors, root),
            Base64 = FormatOf(errors, root),
            Dimensions = DimensionsOf(errors, root),
        };
        errors.ThrowIfAny();
        return body;
    }

    private static JsonDocument Parse(ReadOnlyMemory<byte> json)
    {
        if (json.IsEmpty)
            throw new ApiException(ErrorCodes.MalformedJson, "body: expected a JSON object, came nothing");
        try
        {
            return JsonDocument.Parse(
                json, new JsonDocumentOptions { MaxDepth = ApiJson.DepthMax, AllowDuplicateProperties = false });
        }
        catch (JsonException e)
        {
            throw JsonFault.Explain(e);
        }
    }

    private static string ModelOf(FieldErrors errors, JsonElement root)
    {
        if (!root.TryGetProperty("model", out var model))
            errors.Add(ErrorCodes.MissingField, "model", "required and missing");
        else if (model.ValueKind != JsonValueKind.String)
            errors.Add(ErrorCodes.WrongType, "model", "expected a string");
        else if (model.GetString() is not { Length: > 0 and <= ModelReference.LengthMax } name)
            errors.Add(ErrorCodes.InvalidArgument, "model", $"expected 1 to {ModelReference.LengthMax} characters");
        else return name;
        return "";
    }

    private static List<string> TextsOf(FieldErrors errors, JsonElement root)
    {
        var texts = new List<string>();
        if (!root.TryGetProperty("input", out var input))
            errors.Add(ErrorCodes.MissingField, "input", "required and missing");
        else if (input.ValueKind == JsonValueKind.String) Add(errors, texts, "input", input);
        else if (input.ValueKind != JsonValueKind.Array)
            errors.Add(ErrorCodes.WrongType, "input", "expected a string or an array of strings");
        else if (input.GetArrayLength() is 0 or > VectorLimits.TextsMax)
            errors.Add(
                input.GetArrayLength() == 0 ? ErrorCodes.InvalidArgument : ErrorCodes.TooManyRows, "input",
                $"expected 1 to {VectorLimits.TextsMax} strings, came {input.GetArrayLength()}");
        else if (input.EnumerateArray().Any(item => item.ValueKind is JsonValueKind.Number or JsonValueKind.Array))
            errors.Add(ErrorCodes.InvalidArgument, "input", TokensRefused);
        else
        {
            var i = 0;
            foreach (var item in input.EnumerateArray()) Add(errors, texts, $"input[{i++}]", item);
        }

        return texts;
    }

    private static void Add(FieldErrors errors, List<string> texts, string field, JsonElement item)
    {
        if (item.ValueKind != JsonValueKind.String)
            errors.Add(ErrorCodes.WrongType, field, "expected a string");
        else if (item.GetString() is not { Length: > 0 and <= VectorLimits.TextCharactersMax } text)
            errors.Add(
                ErrorCodes.InvalidArgument, field, $"expected 1 to {VectorLimits.TextCharactersMax} characters");
        else texts.Add(text);
    }

    private static bool FormatOf(FieldErrors errors, JsonElement root)
    {
        if (!root.TryGetProperty("encoding_format", out var format) || format.ValueKind == JsonValueKind.Null)
            return false;
        var word = format.ValueKind == JsonValueKind.String ? format.GetString() : null;
        if (word == "base64") return true;
        if (word != "float")
            errors.Add(ErrorCodes.InvalidArgument, "encoding_format", "expected float or base64");
        return false;
    }

    private static int? DimensionsOf(FieldErrors errors, JsonElement root)
    {
        if (!root.TryGetProperty("dimensions", out var value) || value.ValueKind == JsonValueKind.Null) return null;
        if (value.ValueKind == JsonValueKind.Number && value.TryGetInt32(out var dimensions)
            && dimensions is >= 1 and <= VectorLimits.DimensionsMax) return dimensions;
        errors.Add(
            ErrorCodes.InvalidArgument, "dimensions",
            $"expected a whole number from 1 to {VectorLimits.DimensionsMax}");
        return null;
    }
}
