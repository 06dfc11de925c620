using System.Buffers;
using System.Text.Json;
using Taishang.Core.Api;

namespace Taishang.Core.Models;

/// <summary>
/// What a config may hold, by provider. Workers read of it what they need and let the rest be, so a misspelt field
/// would change nothing and say nothing: it is refused here, with the fields that there are. A provider that is not
/// named here brings a worker of its own, and keeps what it likes.
/// </summary>
internal static class ModelConfigSchema
{
    private const int NameMax = 200;
    private const int PathMax = 255;
    private const int ProviderMax = 50;
    private const int VersionMax = 20;
    private const int KeyMax = 4_000;
    private const int HeadersMax = 32;
    private const int HeaderNameMax = 100;
    private const int HeaderValueMax = 4_000;
    private const int LabelsMax = 10_000;
    private const double PriceMax = 1_000_000;

    private static readonly SearchValues<char> HeaderNameCharacters = SearchValues.Create(
        "!#$%&'*+-.^_`|~0123456789abcdefghijklmnopqrstuvwxyzABCDEFGHIJKLMNOPQRSTUVWXYZ");

    /// <summary>Those that the transport sets itself: another value would break or redirect the call.</summary>
    private static readonly string[] TransportHeaders =
        ["host", "content-length", "content-type", "transfer-encoding", "connection", "upgrade", "te", "trailer"];

    private static readonly Dictionary<string, ConfigField> Common = new()
    {
        ["model"] = ConfigField.Text(NameMax),
        ["task"] = ConfigField.OneOf("embedding", "classification", "tensors", "chat"),
        ["precision"] = ConfigField.OneOf("float32", "float16", "bfloat16", "int8", "int4"),
        ["metric"] = ConfigField.OneOf("cosine", "l2", "dot"),
        ["context_tokens"] = ConfigField.Whole(1, 100_000_000),
        ["timeout_ms"] = ConfigField.Whole(100, 600_000),
        ["connect_timeout_ms"] = ConfigField.Whole(100, 60_000),
        ["resources"] = ConfigField.Object(new Dictionary<string, ConfigField>
        {
            ["cpu_threads"] = ConfigField.Whole(1, 1_024),
            ["memory_mb"] = ConfigField.Whole(1, 16_777_216),
            ["gpus"] = ConfigField.Whole(0, 1_024),
            ["gpu_memory_mb"] = ConfigField.Whole(1, 16_777_216),
        }),
        ["price"] = ConfigField.Object(
            new Dictionary<string, ConfigField>
            {
                ["currency"] = ConfigField.Text(3),
                ["input_per_1k"] = ConfigField.Number(0, PriceMax),
                ["output_per_1k"] = ConfigField.Number(0, PriceMax),
                ["per_call"] = ConfigField.Number(0, PriceMax),
            },
            PriceFault),
        ["limits"] = ConfigField.Object(new Dictionary<string, ConfigField>
        {
            ["requests_per_minute"] = ConfigField.Whole(1, 1_000_000_000),
            ["tokens_per_minute"] = ConfigField.Whole(1, 1_000_000_000_000),
            ["parallel_calls"] = ConfigField.Whole(1, 1_000_000),
        }),
        ["headers"] = ConfigField.Map(HeadersMax, HeaderFault),
        ["extra"] = ConfigField.Anything,
    };

    private static readonly Dictionary<string, ConfigField> Onnx = new()
    {
        ["file"] = ConfigField.Text(PathMax),
        ["threads"] = ConfigField.Whole(0, 256),
        ["pooling"] = ConfigField.OneOf("none", "mean", "cls"),
        ["normalize"] = ConfigField.Flag,
        ["max_length"] = ConfigField.Whole(3, int.MaxValue),
        ["ids_input"] = ConfigField.Text(NameMax),
        ["mask_input"] = ConfigField.Text(NameMax),
        ["types_input"] = ConfigField.Text(NameMax),
        ["output"] = ConfigField.Text(NameMax),
        ["tokenizer"] = ConfigField.Text(PathMax),
        ["lower_case"] = ConfigField.Flag,
        ["first_id"] = ConfigField.Whole(0, int.MaxValue),
        ["last_id"] = ConfigField.Whole(0, int.MaxValue),
        ["padding_id"] = ConfigField.Whole(0, int.MaxValue),
        ["unknown_id"] = ConfigField.Whole(0, int.MaxValue),
        ["id_offset"] = ConfigField.Whole(-16, 16),
        ["labels"] = ConfigField.Texts(LabelsMax, NameMax),
        ["activation"] = ConfigField.OneOf("softmax", "sigmoid", "none"),
    };

    private static readonly Dictionary<string, ConfigField> OpenAi = new()
    {
        ["api_key"] = ConfigField.Text(KeyMax),
        ["dimensions"] = ConfigField.Whole(1, 1_048_576),
        ["batch_size"] = ConfigField.Whole(1, 1_048_576),
        ["parallel_batches"] = ConfigField.Whole(1, 64),
        ["normalize"] = ConfigField.Flag,
        ["stream_usage"] = ConfigField.Flag,
    };

    /// <summary>What another worker is asked for; its config is held to that worker's own rules.</summary>
    private static readonly Dictionary<string, ConfigField> Remote = new()
    {
        ["target"] = ConfigField.Object(new Dictionary<string, ConfigField>
        {
            ["provider"] = ConfigField.Text(ProviderMax),
            ["model"] = ConfigField.Text(NameMax),
            ["version"] = ConfigField.Text(VersionMax),
            ["endpoint"] = ConfigField.Text(PathMax),
            ["config"] = ConfigField.Anything,
        }),
    };

    private static readonly Dictionary<string, ConfigField> Providers = new()
    {
        ["builtin"] = ConfigField.Object(Common),
        ["onnx"] = With(Onnx),
        ["openai"] = With(OpenAi),
        ["remote"] = With(Remote),
    };

    /// <summary>Of an object that was checked to be one.</summary>
    public static void Check(FieldErrors errors, string provider, JsonElement config)
    {
        if (Providers.TryGetValue(provider, out var schema)) schema.Check(errors, "config", config);
    }

    /// <exception cref="ApiException">With every broken rule.</exception>
    public static void Require(string provider, JsonElement config)
    {
        var errors = new FieldErrors();
        Check(errors, provider, config);
        errors.ThrowIfAny();
    }

    private static ConfigField With(Dictionary<string, ConfigField> own) =>
        ConfigField.Object(Common.Concat(own).ToDictionary());

    private static string? PriceFault(JsonElement price)
    {
        var call = Has(price, "per_call");
        var tokens = Has(price, "input_per_1k") || Has(price, "output_per_1k");
        if (call == tokens) return "expected either per_call, or input_per_1k and output_per_1k";
        var currency = Has(price, "currency") ? price.GetProperty("currency") : default;
        return currency.ValueKind == JsonValueKind.String && currency.GetString() is { Length: 3 } code
            && code.All(char.IsAsciiLetterUpper)
            ? null : "expected a currency of three capital letters, such as USD";
    }

    private static bool Has(JsonElement value, string name) =>
        value.TryGetProperty(name, out var field) && field.ValueKind != JsonValueKind.Null;

    private static string? HeaderFault(string name, string value)
    {
        if (name.Length is 0 or > HeaderNameMax || name.AsSpan().ContainsAnyExcept(HeaderNameCharacters))
            return $"expected names of headers of at most {HeaderNameMax} characters";
        if (TransportHeaders.Contains(name, StringComparer.OrdinalIgnoreCase))
            return $"the header '{name}' is set by the transport";
        return value.Length > HeaderValueMax || value.AsSpan().ContainsAnyExceptInRange(' ', '~')
            ? $"expected printable ASCII of at most {HeaderValueMax} characters at '{name}'"
            : null;
    }
}
