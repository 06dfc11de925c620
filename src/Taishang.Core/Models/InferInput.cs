using System.Text.Json;
using Taishang.Contracts.Ai.V1;
using Taishang.Core.Api;

namespace Taishang.Core.Models;

/// <summary>Checks what a model is to run on and turns it into the worker's message.</summary>
internal static class InferInput
{
    public const int TextsMax = 10_000;
    public const int TextLengthMax = 65_536;
    public const int TensorsMax = 64;
    public const int TensorNameLengthMax = 100;
    public const int ShapeLengthMax = 8;
    public const long ElementsMax = 16_777_216;

    private static readonly Dictionary<string, TensorType> Types = new()
    {
        ["float32"] = TensorType.Float32,
        ["int64"] = TensorType.Int64,
        ["int32"] = TensorType.Int32,
        ["bool"] = TensorType.Bool,
        ["string"] = TensorType.String,
    };

    public static string Word(TensorType type) => Types.FirstOrDefault(pair => pair.Value == type).Key ?? "unknown";

    public static InferenceModelRequest ToRequest(InferBody body)
    {
        var given = (body.Text is null ? 0 : 1) + (body.Texts is null ? 0 : 1) + (body.Tensors is null ? 0 : 1);
        if (given != 1)
            throw new ApiException(
                given == 0 ? ErrorCodes.MissingField : ErrorCodes.InvalidArgument,
                $"body: expected exactly one of text, texts and tensors, came {given}");
        var errors = new FieldErrors();
        if (body.Version is { } version && !ModelReference.IsSelector(version))
            errors.Add(
                ErrorCodes.InvalidArgument, "version",
                "expected a version such as 1.0.0 or an alias of one, such as champion");
        var request = new InferenceModelRequest();
        if (body.Tensors is { } tensors)
            request.Tensors = new TensorInput { Tensors = { ToTensors(tensors, errors) } };
        else
            request.Text = new TextInput { Texts = { ToTexts(body, errors) } };
        errors.ThrowIfAny();
        return request;
    }

    private static IReadOnlyList<string> ToTexts(InferBody body, FieldErrors errors)
    {
        var texts = body.Texts ?? [body.Text!];
        if (texts.Count is 0 or > TextsMax)
            errors.Add(ErrorCodes.InvalidArgument, "texts", $"expected 1 to {TextsMax}, came {texts.Count}");
        for (var i = 0; i < texts.Count && i < TextsMax; i++)
        {
            var field = body.Texts is null ? "text" : $"texts[{i}]";
            if (texts[i] is null)
                errors.Add(ErrorCodes.WrongType, field, "expected a string, came null");
            else if (texts[i].Length is 0 or > TextLengthMax)
                errors.Add(ErrorCodes.InvalidArgument, field,
                    $"expected 1 to {TextLengthMax} characters, came {texts[i].Length}");
        }

        return errors.Any ? [] : texts;
    }

    private static IEnumerable<Tensor> ToTensors(IReadOnlyList<TensorBody> tensors, FieldErrors errors)
    {
        if (tensors.Count is 0 or > TensorsMax)
        {
            errors.Add(ErrorCodes.InvalidArgument, "tensors", $"expected 1 to {TensorsMax}, came {tensors.Count}");
            return [];
        }

        return tensors.Select((tensor, i) => ToTensor(tensor, $"tensors[{i}]", errors)).ToList();
    }

    private static Tensor ToTensor(TensorBody body, string field, FieldErrors errors)
    {
        var tensor = new Tensor { Name = body.Name, Shape = { body.Shape } };
        if (body.Name.Length is 0 or > TensorNameLengthMax)
            errors.Add(ErrorCodes.InvalidArgument, $"{field}.name",
                $"expected 1 to {TensorNameLengthMax} characters, came {body.Name.Length}");
        if (!Types.TryGetValue(body.Type, out var type))
        {
            errors.Add(ErrorCodes.InvalidArgument, $"{field}.type", $"expected one of {string.Join(", ", Types.Keys)}");
            return tensor;
        }

        tensor.Type = type;
        if (Elements(body.Shape) is not { } expected)
            errors.Add(ErrorCodes.InvalidArgument, $"{field}.shape",
                $"expected at most {ShapeLengthMax} lengths from 0 on, in all at most {ElementsMax} elements");
        else if (body.Data.ValueKind != JsonValueKind.Array)
            errors.Add(ErrorCodes.WrongType, $"{field}.data", "expected an array");
        else if (body.Data.GetArrayLength() != expected)
            errors.Add(ErrorCodes.InvalidArgument, $"{field}.data",
                $"expected {expected} elements for the shape, came {body.Data.GetArrayLength()}");
        else
            Fill(tensor, body.Data, field, errors);
        return tensor;
    }

    /// <summary>How many elements a shape holds; null when it is none.</summary>
    private static long? Elements(IReadOnlyList<long> shape)
    {
        if (shape.Count > ShapeLengthMax) return null;
        long elements = 1;
        foreach (var length in shape)
        {
            if (length is < 0 or > ElementsMax) return null;
            elements *= length;
            if (elements > ElementsMax) return null;
        }

        return elements;
    }

    private static void Fill(Tensor tensor, JsonElement data, string field, FieldErrors errors)
    {
        var i = 0;
        foreach (var item in data.EnumerateArray())
        {
            if (!Add(tensor, item))
            {
                errors.Add(ErrorCodes.WrongType, $"{field}.data[{i}]", $"expected a value of type {Word(tensor.Type)}");
                return;
            }

            i++;
        }
    }

    private static bool Add(Tensor tensor, JsonElement item)
    {
        switch (tensor.Type)
        {
            case TensorType.Float32 when item.ValueKind == JsonValueKind.Number && item.TryGetSingle(out var number)
                && float.IsFinite(number):
                tensor.Floats.Add(number);
                return true;
            case TensorType.Int64 when item.ValueKind == JsonValueKind.Number && item.TryGetInt64(out var whole):
                tensor.Integers.Add(whole);
                return true;
            case TensorType.Int32 when item.ValueKind == JsonValueKind.Number && item.TryGetInt32(out var small):
                tensor.Integers.Add(small);
                return true;
            case TensorType.Bool when item.ValueKind is JsonValueKind.True or JsonValueKind.False:
                tensor.Integers.Add(item.GetBoolean() ? 1 : 0);
                return true;
            case TensorType.String when item.ValueKind == JsonValueKind.String:
                tensor.Strings.Add(item.GetString());
                return true;
            default:
                return false;
        }
    }
}
