using System.Buffers;
using System.Runtime.InteropServices;
using System.Text.Encodings.Web;
using System.Text.Json;
using System.Text.Json.Serialization;

namespace Taishang.Ai.Models;

/// <summary>The vectors of one request, row after row.</summary>
/// <param name="Tokens">As the service counted them; null if it did not.</param>
internal readonly record struct OpenAiVectors(float[] Values, int Dimensions, long? Tokens);

/// <summary>
/// The bodies of an embeddings request and its answer. Read leniently where services differ and nothing is lost: an
/// index may be absent from all vectors (then they are in order), a vector may be base64, usage may be absent.
/// </summary>
internal static class OpenAiEmbeddings
{
    private const long MaxTokensReported = 1L << 40;

    // What is sent is no web page; escaped Chinese would be six bytes a character instead of three.
    private static readonly JsonWriterOptions Writing = new() { Encoder = JavaScriptEncoder.UnsafeRelaxedJsonEscaping };
    private static readonly JsonSerializerOptions Reading = new()
    {
        PropertyNamingPolicy = JsonNamingPolicy.SnakeCaseLower,
        Converters = { new VectorConverter() },
    };

    public static byte[] Request(OpenAiSettings settings, IEnumerable<string> texts)
    {
        var buffer = new ArrayBufferWriter<byte>();
        using var writer = new Utf8JsonWriter(buffer, Writing);
        writer.WriteStartObject();
        writer.WriteString("model", settings.Model);
        writer.WriteStartArray("input");
        foreach (string text in texts) writer.WriteStringValue(text);
        writer.WriteEndArray();
        writer.WriteString("encoding_format", "float");
        if (settings.Dimensions is { } dimensions) writer.WriteNumber("dimensions", dimensions);
        if (settings.Extra is { } extra)
        {
            foreach (JsonProperty property in extra.EnumerateObject())
            {
                if (property.Name is not ("model" or "input" or "encoding_format" or "dimensions"))
                    property.WriteTo(writer);
            }
        }
        writer.WriteEndObject();
        writer.Flush();
        return buffer.WrittenSpan.ToArray();
    }

    /// <summary>Reads the answer to a request of <paramref name="count"/> texts.</summary>
    /// <exception cref="ModelException">Of an Upstream kind.</exception>
    public static OpenAiVectors Read(byte[] body, int count, OpenAiFailures failures)
    {
        Answer? answer;
        try
        {
            answer = JsonSerializer.Deserialize<Answer>(body, Reading);
        }
        catch (JsonException failure)
        {
            throw OpenAiFailures.Nonsense("it is not the JSON that it should be", failure);
        }
        if (answer?.Data is not { } data)
        {
            throw FailureIn(body, failures) ?? OpenAiFailures.Nonsense($"{count} vectors were asked for, none came");
        }
        if (data.Length != count)
            throw OpenAiFailures.Nonsense($"{count} vectors were asked for, {data.Length} came");
        int dimensions = data[0]?.Embedding?.Length ?? 0;
        if (dimensions == 0) throw OpenAiFailures.Nonsense("a vector is empty");
        float[] vectors = new float[count * dimensions];
        Place(data, vectors, dimensions);
        long? tokens = answer.Usage?.PromptTokens ?? answer.Usage?.TotalTokens;
        return new OpenAiVectors(
            vectors, dimensions, tokens is > 0 ? Math.Min(tokens.Value, MaxTokensReported) : null);
    }

    private static void Place(Item?[] data, float[] vectors, int dimensions)
    {
        int count = data.Length;
        bool numbered = data.Any(item => item?.Index is not null);
        bool[] seen = new bool[count];
        for (int i = 0; i < count; i++)
        {
            int row = numbered ? data[i]?.Index ?? -1 : i;
            if (row < 0 || row >= count || seen[row])
                throw OpenAiFailures.Nonsense($"its index {row} is not one of {count}, or came twice");
            seen[row] = true;
            float[]? vector = data[i]?.Embedding;
            if (vector?.Length != dimensions) throw OpenAiFailures.Nonsense("its vectors differ in length");
            foreach (float value in vector)
            {
                if (!float.IsFinite(value))
                    throw OpenAiFailures.Nonsense("a vector holds numbers that are not finite");
            }
            vector.CopyTo(vectors, row * dimensions);
        }
    }

    private static ModelException? FailureIn(byte[] body, OpenAiFailures failures)
    {
        using JsonDocument document = JsonDocument.Parse(body);
        return failures.InAnswer(document.RootElement);
    }

    private sealed record Answer(Item?[]? Data, Usage? Usage);

    private sealed record Item(int? Index, float[]? Embedding);

    private sealed record Usage(long? PromptTokens, long? TotalTokens);

    // Some services send base64 whatever was asked for: little-endian floats.
    private sealed class VectorConverter : JsonConverter<float[]>
    {
        public override float[] Read(ref Utf8JsonReader reader, Type typeToConvert, JsonSerializerOptions options)
        {
            if (reader.TokenType == JsonTokenType.String)
            {
                byte[] bytes = reader.GetBytesFromBase64();
                return bytes.Length % sizeof(float) == 0
                    ? MemoryMarshal.Cast<byte, float>(bytes).ToArray()
                    : throw new JsonException("A vector in base64 has a part of a number.");
            }
            if (reader.TokenType != JsonTokenType.StartArray) throw new JsonException("A vector is expected.");
            var values = new List<float>();
            while (reader.Read() && reader.TokenType != JsonTokenType.EndArray)
            {
                if (reader.TokenType != JsonTokenType.Number) throw new JsonException("A number is expected.");
                values.Add(reader.GetSingle());
            }
            return [.. values];
        }

        public override void Write(Utf8JsonWriter writer, float[] value, JsonSerializerOptions options) =>
            throw new NotSupportedException();
    }
}
