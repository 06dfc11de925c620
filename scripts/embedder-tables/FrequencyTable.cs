using System.Buffers.Binary;
using System.IO.Hashing;
using System.Runtime.InteropServices;
using System.Text;
using Taishang.Ai.Embeddings;

namespace Taishang.EmbedderTables;

/// <summary>
/// Counts in how many passages each feature appears, and keeps of it one byte a bucket: no text, no words. Sources lie
/// in SOURCES/en and SOURCES/zh; SOURCES/zh-words.tsv (word, count) adds what general Chinese uses, which the Chinese
/// documentation in Debian, being about computers, does not show.
/// </summary>
internal static class FrequencyTable
{
    private const int BucketBits = 18;

    // What appears in fewer passages is as telling as what was never seen, and would only crowd the buckets.
    private const int MinPassages = 5;

    // The word list counts for as many passages of this many characters.
    private const double WordListPassages = 40_000;
    private const double WordListPassageCharacters = 150;

    public static int Write(string sources, string target)
    {
        var english = new Dictionary<ulong, double>();
        double englishPassages = CountFolder(Path.Combine(sources, "en"), chinese: false, english);
        var chinese = new Dictionary<ulong, double>();
        double chinesePassages = CountFolder(Path.Combine(sources, "zh"), chinese: true, chinese);
        Console.WriteLine($"passages: {englishPassages} English, {chinesePassages} Chinese");
        chinesePassages += AddWordList(Path.Combine(sources, "zh-words.tsv"), chinese);

        byte[] units = new byte[1 << BucketBits];
        Array.Fill(units, Units(Math.Max(englishPassages, chinesePassages), MinPassages - 1));
        int kept = Fill(units, english, englishPassages, IsIdeographic(false))
            + Fill(units, chinese, chinesePassages, IsIdeographic(true));
        byte[] file = new byte[InverseDocumentFrequencies.HeaderBytes + units.Length];
        BinaryPrimitives.WriteUInt32LittleEndian(file, InverseDocumentFrequencies.Magic);
        BinaryPrimitives.WriteUInt32LittleEndian(file.AsSpan(4), InverseDocumentFrequencies.FormatVersion);
        BinaryPrimitives.WriteUInt32LittleEndian(file.AsSpan(8), BucketBits);
        BinaryPrimitives.WriteUInt32LittleEndian(file.AsSpan(12), Crc32.HashToUInt32(units));
        units.CopyTo(file.AsSpan(InverseDocumentFrequencies.HeaderBytes));
        File.WriteAllBytes(target, file);
        Console.WriteLine($"{kept} features in {units.Length} buckets, rarest {units.Max()} units");
        return 0;
    }

    private static Func<ulong, bool> IsIdeographic(bool wanted) =>
        key => wanted == ((FeatureKind)(key & 7) is FeatureKind.Character or FeatureKind.Bigram);

    private static double CountFolder(string folder, bool chinese, Dictionary<ulong, double> counts)
    {
        var extractor = new FeatureExtractor();
        double passages = 0;
        foreach (string file in Directory.EnumerateFiles(folder).Order(StringComparer.Ordinal))
        {
            foreach (string passage in SourceText.Passages(file, chinese))
            {
                passages++;
                _ = extractor.Read(passage);
                for (int i = 0; i < extractor.Features.Count; i++)
                    CollectionsMarshal.GetValueRefOrAddDefault(counts, extractor.Features.KeyAt(i), out _)++;
            }
        }
        return passages;
    }

    // A feature with the share p of all characters is expected in 1 - exp(-p × length) of the passages.
    private static double AddWordList(string file, Dictionary<ulong, double> counts)
    {
        var extractor = new FeatureExtractor();
        var uses = new Dictionary<ulong, double>();
        double characters = 0;
        foreach (string line in File.ReadLines(file, Encoding.UTF8))
        {
            string[] fields = line.Split('\t');
            double count = double.Parse(fields[1]);
            characters += count * fields[0].EnumerateRunes().Count();
            _ = extractor.Read(fields[0]);
            for (int i = 0; i < extractor.Features.Count; i++)
            {
                ref double use = ref CollectionsMarshal.GetValueRefOrAddDefault(
                    uses, extractor.Features.KeyAt(i), out _);
                use += count * extractor.Features.CountAt(i);
            }
        }
        foreach ((ulong key, double use) in uses)
        {
            double share = 1 - Math.Exp(-use / characters * WordListPassageCharacters);
            CollectionsMarshal.GetValueRefOrAddDefault(counts, key, out _) += share * WordListPassages;
        }
        return WordListPassages;
    }

    private static int Fill(byte[] units, Dictionary<ulong, double> counts, double passages, Func<ulong, bool> wanted)
    {
        int kept = 0;
        foreach ((ulong key, double count) in counts)
        {
            if (count < MinPassages || !wanted(key)) continue;
            kept++;
            // Of two features in one bucket the more frequent counts, because it is met more often.
            ref byte bucket = ref units[InverseDocumentFrequencies.BucketOf(key, units.Length)];
            bucket = Math.Min(bucket, Units(passages, count));
        }
        return kept;
    }

    private static byte Units(double passages, double count) => (byte)Math.Clamp(
        Math.Round(Math.Log(passages / count) * InverseDocumentFrequencies.UnitsPerNat), 1, byte.MaxValue);
}
