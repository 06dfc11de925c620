using System.Text.Json;
using Microsoft.AspNetCore.Http;
using Taishang.Contracts.Ai.V1;
using Taishang.Core.Api;
using Taishang.Core.Gateway;

namespace Taishang.Core.Models;

/// <summary>Runs a model on texts (classification) or on tensors.</summary>
internal static class InferEndpoint
{
    public static async Task<IResult> InferAsync(
        string id, HttpContext context, ModelStore store, ModelGate gate, InferCalls calls,
        CancellationToken cancellation)
    {
        var body = await JsonBody.ReadAsync<InferBody>(context, cancellation);
        var request = InferInput.ToRequest(body);
        await store.GetAsync(id, cancellation);
        var reference = body.Version is null ? id : $"{id}@{body.Version}";
        var usable = await gate.RequireAsync(reference, null, context, cancellation);
        var served = await calls.InferAsync(ModelCall.To(usable, context), request, body.AllTexts(), cancellation);
        return Envelope.Ok(InferAnswer.Of(served, request));
    }
}

/// <summary>Exactly one of text, texts and tensors.</summary>
internal sealed record InferBody
{
    /// <summary>A version or an alias; null for the current version.</summary>
    public string? Version { get; init; }

    public string? Text { get; init; }

    public IReadOnlyList<string>? Texts { get; init; }

    public IReadOnlyList<TensorBody>? Tensors { get; init; }

    /// <summary>None where there are tensors.</summary>
    public IReadOnlyList<string> AllTexts() => Texts ?? (Text is null ? [] : [Text]);
}

/// <summary>A tensor as it comes: row-major.</summary>
internal sealed record TensorBody
{
    public required string Name { get; init; }

    public required string Type { get; init; }

    public required IReadOnlyList<long> Shape { get; init; }

    public required JsonElement Data { get; init; }
}

internal sealed record InferAnswer
{
    public required string Model { get; init; }

    public required string Version { get; init; }

    public IReadOnlyList<ClassificationAnswer>? Classifications { get; init; }

    public IReadOnlyList<TensorAnswer>? Tensors { get; init; }

    public required UsageAnswer Usage { get; init; }

    public required ServedAnswer Served { get; init; }

    public static InferAnswer Of(Served<InferenceModelResponse> served, InferenceModelRequest request) => new()
    {
        Model = served.By.Model.Model.Reference,
        Version = served.By.Model.Version.Version,
        Classifications = request.InputCase == InferenceModelRequest.InputOneofCase.Text
            ? [.. served.Answer.Classifications.Select(ClassificationAnswer.Of)] : null,
        Tensors = served.Answer.Tensors.Count > 0 ? [.. served.Answer.Tensors.Select(TensorAnswer.Of)] : null,
        Usage = new UsageAnswer(served.Answer.Tokens),
        Served = served.By.ToAnswer(),
    };
}

internal sealed record UsageAnswer(long Tokens);

internal sealed record LabelAnswer(string Label, float Score);

internal sealed record ClassificationAnswer(IReadOnlyList<LabelAnswer> Labels)
{
    public static ClassificationAnswer Of(Classification classification) =>
        new([.. classification.Labels.Select(label => new LabelAnswer(label.Label, label.Score))]);
}

/// <summary>A tensor as it goes: numbers that are no JSON (NaN, infinite) are null.</summary>
internal sealed record TensorAnswer(string Name, string Type, IReadOnlyList<long> Shape, IReadOnlyList<object?> Data)
{
    public static TensorAnswer Of(Tensor tensor) => new(
        tensor.Name, InferInput.Word(tensor.Type), [.. tensor.Shape], tensor.Type switch
        {
            TensorType.Float32 => [.. tensor.Floats.Select(value => float.IsFinite(value) ? (object?)value : null)],
            TensorType.Bool => [.. tensor.Integers.Select(value => (object?)(value != 0))],
            TensorType.String => [.. tensor.Strings],
            _ => [.. tensor.Integers.Select(value => (object?)value)],
        });
}
