using System.Text;
using System.Text.Json;
using System.Text.Unicode;
using Taishang.VectorEngine.Storage;

namespace Taishang.VectorEngine;

/// <summary>What a row, a query and the options of a collection must be; each refusal names the row, what was expected
/// and what came.</summary>
internal static class RowRules
{
    private static readonly UTF8Encoding StrictUtf8 =
        new(encoderShouldEmitUTF8Identifier: false, throwOnInvalidBytes: true);

    /// <summary>Checks all rows and returns the places of those to write: of rows with one id the last.</summary>
    public static List<int> CheckRows(IReadOnlyList<VectorRow> rows, VectorCollectionOptions options)
    {
        if (rows.Count > Limits.RowsPerCallMax)
        {
            throw new VectorInputException(
                VectorInputError.TooManyRows, $"at most {Limits.RowsPerCallMax} rows in one call, got {rows.Count}");
        }

        long bytes = 0;
        var places = new Dictionary<string, int>(rows.Count);
        for (var i = 0; i < rows.Count; i++)
        {
            var row = rows[i];
            CheckId(row.Id, i);
            CheckVector(row.Vector.Span, options, i);
            CheckMetadata(row.MetadataJson.Span, i);
            places[row.Id.Text] = i;
            bytes += row.MetadataJson.Length + (long)row.Vector.Length * sizeof(float) + row.Id.Text.Length;
        }

        if (bytes > Limits.BytesPerCallMax)
        {
            throw new VectorInputException(
                VectorInputError.TooManyRows, $"at most {Limits.BytesPerCallMax} bytes in one call, got {bytes}");
        }

        var chosen = new List<int>(places.Count);
        for (var i = 0; i < rows.Count; i++)
        {
            if (places[rows[i].Id.Text] == i)
                chosen.Add(i);
        }

        return chosen;
    }

    public static void CheckIdCount(int count)
    {
        if (count > Limits.RowsPerCallMax)
        {
            throw new VectorInputException(
                VectorInputError.TooManyRows, $"at most {Limits.RowsPerCallMax} ids in one call, got {count}");
        }
    }

    /// <summary>Checks all ids and returns each once.</summary>
    public static HashSet<VectorId> CheckIds(IReadOnlyList<VectorId> ids)
    {
        CheckIdCount(ids.Count);
        var distinct = new HashSet<VectorId>(ids.Count);
        for (var i = 0; i < ids.Count; i++)
        {
            CheckId(ids[i], i);
            distinct.Add(ids[i]);
        }

        return distinct;
    }

    /// <summary>When each row's time comes: its own expiry, else the collection's time to live from now on.</summary>
    public static long[] Expiries(IReadOnlyList<VectorRow> rows, VectorCollectionOptions options, TimeProvider time)
    {
        var byDefault = RowRecord.Never;
        if (options.TimeToLive is { } timeToLive)
        {
            var now = time.GetUtcNow().UtcTicks;
            if (timeToLive.Ticks < DateTimeOffset.MaxValue.UtcTicks - now)
                byDefault = now + timeToLive.Ticks;
        }

        var expiries = new long[rows.Count];
        for (var i = 0; i < expiries.Length; i++)
            expiries[i] = rows[i].ExpiresAt?.UtcTicks ?? byDefault;
        return expiries;
    }

    public static void CheckId(VectorId id, int row)
    {
        if (id.Text is null || id.Text.Length is 0 or > Limits.IdCharactersMax)
        {
            throw new VectorInputException(
                VectorInputError.BadId,
                $"row {row}: an id has 1 to {Limits.IdCharactersMax} characters, got {id.Text?.Length ?? 0}",
                row);
        }

        try
        {
            StrictUtf8.GetByteCount(id.Text);
        }
        catch (EncoderFallbackException)
        {
            throw new VectorInputException(
                VectorInputError.BadId, $"row {row}: the id holds half a surrogate pair and is no Unicode text", row);
        }
    }

    /// <summary>A vector of a row, or of a query when <paramref name="row"/> is null.</summary>
    public static void CheckVector(ReadOnlySpan<float> vector, VectorCollectionOptions options, int? row)
    {
        if (vector.Length != options.Dimensions)
        {
            throw new VectorInputException(
                VectorInputError.DimensionMismatch,
                $"{Who(row)}: expected {options.Dimensions} dimensions, got {vector.Length}",
                row);
        }

        var squared = RowTable.SquaredLength(vector);
        if (!double.IsFinite(squared))
        {
            var at = vector.IndexOfAnyExceptFinite();
            throw new VectorInputException(
                VectorInputError.NotFinite,
                $"{Who(row)}: component {at} is {vector[at]}, expected a finite number",
                row);
        }

        var length = Math.Sqrt(squared);
        if (length > Limits.VectorLengthMax)
        {
            throw new VectorInputException(
                VectorInputError.NotFinite,
                $"{Who(row)}: the vector is {length:G4} long, "
                    + $"distances overflow float32 beyond {Limits.VectorLengthMax:G1}",
                row);
        }

        if (options.Metric == DistanceMetric.Cosine && length < Limits.CosineLengthMin)
        {
            throw new VectorInputException(
                VectorInputError.ZeroVector,
                length == 0
                    ? $"{Who(row)}: a zero vector has no direction, cosine cannot compare it"
                    : $"{Who(row)}: the vector is {length:G4} long, cosine needs at least {Limits.CosineLengthMin:G1}",
                row);
        }
    }

    private static string Who(int? row) => row is null ? "query" : $"row {row}";

    /// <summary>A ratio that may be asked of a search or an index.</summary>
    public static void CheckRange(string name, int value, int least, int most)
    {
        if (value < least || value > most)
        {
            throw new VectorInputException(
                VectorInputError.BadParameter, $"{name}: expected {least} to {most}, got {value}");
        }
    }

    public static void CheckOptions(VectorCollectionOptions options)
    {
        CheckRange("dimensions", options.Dimensions, 1, Limits.DimensionsMax);
        CheckRange("shards", options.Shards, 1, Limits.ShardsMax);
        CheckRange("connectivity", options.Hnsw.Connectivity, Limits.ConnectivityMin, Limits.ConnectivityMax);
        CheckRange(
            "ef_construction", options.Hnsw.EfConstruction, Limits.EfConstructionMin, Limits.EfConstructionMax);
        CheckRange("ef_search", options.Hnsw.EfSearch, 1, Limits.EfSearchMax);
        CheckRange("nlist", options.Ivf.Lists, 0, Limits.ListsMax);
        CheckRange("nprobe", options.Ivf.Probes, 0, Limits.ListsMax);
        CheckTimeToLive(options.TimeToLive);
        CheckCompression(options);
        if (!Enum.IsDefined(options.Metric) || !Enum.IsDefined(options.Index))
            throw new VectorInputException(VectorInputError.BadParameter, "metric or index kind is not known");
    }

    private static void CheckCompression(VectorCollectionOptions options)
    {
        var wrong = options switch
        {
            _ when !Enum.IsDefined(options.Compression) => "compression: not known",
            _ when !Enum.IsDefined(options.Rerank) => "rerank: not known",
            { Compression: CompressionKind.None, Rerank: not RerankKind.Float32 } =>
                "rerank: without compression there are no codes to put in order, leave it out",
            { Index: IndexKind.IvfSq8, Compression: not (CompressionKind.None or CompressionKind.Sq8) } =>
                $"compression: IVF_SQ8 is sq8 already, got {options.Compression}; IVF_FLAT takes every compression",
            { Compression: CompressionKind.Binary, Dimensions: < Limits.BinaryDimensionsMin } =>
                $"compression: binary needs at least {Limits.BinaryDimensionsMin} dimensions, got {options.Dimensions}",
            _ => null,
        };
        if (wrong is not null)
            throw new VectorInputException(VectorInputError.BadParameter, wrong);
    }

    public static void CheckTimeToLive(TimeSpan? timeToLive)
    {
        if (timeToLive <= TimeSpan.Zero)
        {
            throw new VectorInputException(
                VectorInputError.BadParameter, $"time to live: expected more than zero, got {timeToLive}");
        }
    }

    private static void CheckMetadata(ReadOnlySpan<byte> json, int row)
    {
        if (json.IsEmpty)
            return;

        if (json.Length > Limits.MetadataBytesMax)
            throw BadMetadata(row, $"at most {Limits.MetadataBytesMax} bytes, got {json.Length}");
        if (!Utf8.IsValid(json))
            throw BadMetadata(row, "it is not valid UTF-8");

        try
        {
            var reader = new Utf8JsonReader(json, new JsonReaderOptions { MaxDepth = Limits.MetadataDepthMax });
            reader.Read();
            if (reader.TokenType != JsonTokenType.StartObject)
                throw BadMetadata(row, "expected a JSON object");

            // Escapes are checked by taking the text out: half a surrogate pair is valid JSON, but no text.
            while (reader.Read())
            {
                if (reader.TokenType is JsonTokenType.String or JsonTokenType.PropertyName && reader.ValueIsEscaped)
                    _ = reader.GetString();
            }
        }
        catch (JsonException exception)
        {
            throw BadMetadata(row, exception.Message);
        }
        catch (InvalidOperationException)
        {
            throw BadMetadata(row, "a string holds half a surrogate pair and is no Unicode text");
        }
    }

    private static VectorInputException BadMetadata(int row, string reason) =>
        new(VectorInputError.BadMetadata, $"row {row}: metadata: {reason}", row);

    private static int IndexOfAnyExceptFinite(this ReadOnlySpan<float> vector)
    {
        for (var i = 0; i < vector.Length; i++)
        {
            if (!float.IsFinite(vector[i]))
                return i;
        }

        return -1;
    }
}
